/** Whether QEMU may use hardware virtualisation here. */
import { readFile, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { log } from './layer.ts';
import { cacheRoot } from './paths.ts';

export type Accelerator = 'kvm' | 'tcg';

const probeTimeoutMs = 15_000;

/**
 * KVM where a kernel was seen to boot on it, TCG everywhere else: /dev/kvm may be there and still fail in
 * the middle of a boot. The answer is remembered for this kernel of the host; STEWARD_LAB_ACCEL overrides it.
 */
export async function chooseAccelerator(kernelDir: string): Promise<Accelerator> {
  const wanted = process.env.STEWARD_LAB_ACCEL;
  if (wanted === 'kvm' || wanted === 'tcg') return wanted;
  if (wanted) throw new Error(`STEWARD_LAB_ACCEL is "${wanted}"; it can be "kvm" or "tcg"`);
  const memory = join(cacheRoot(), `accelerator-${release()}`);
  const remembered = await readFile(memory, 'utf8').catch(() => '');
  if (remembered === 'kvm' || remembered === 'tcg') return remembered;
  const answer = (await kvmBoots(kernelDir)) ? 'kvm' : 'tcg';
  log(`hardware virtualisation ${answer === 'kvm' ? 'works' : 'does not work'} here: using ${answer}`);
  await writeFile(memory, answer);
  return answer;
}

/** Boots the kernel without a disk as far as its first process: that is where the initrd looks for the root. */
async function kvmBoots(kernelDir: string): Promise<boolean> {
  const files = ['-kernel', join(kernelDir, 'vmlinuz'), '-initrd', join(kernelDir, 'initrd.img')];
  const machine = ['-nodefaults', '-display', 'none', '-m', '512M', '-smp', '2', '-no-reboot'];
  const append = ['-append', 'console=ttyS0 panic=-1 rdinit=/bin/false'];
  const args = ['-accel', 'kvm', '-cpu', 'host', ...machine, ...files, ...append, '-serial', 'stdio'];
  // The missing root makes the kernel panic, and `panic=-1` with -no-reboot ends QEMU.
  const { stdout } = await execa('qemu-system-x86_64', args, {
    stdin: 'ignore',
    timeout: probeTimeoutMs,
    forceKillAfterDelay: 1000,
    reject: false,
  });
  return stdout.includes('Attempted to kill init');
}
