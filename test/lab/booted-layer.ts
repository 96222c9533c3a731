/** The second layer: the system booted, provisioned, idle, and saved with its memory. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { chooseAccelerator } from './accelerator.ts';
import { ensureHostTools } from './host-tools.ts';
import { ensureLayer, hashOf, hashOfFiles } from './layer.ts';
import { devicesFile, freePort, makeOverlay, memoryFile, type Saved } from './machine.ts';
import { diskFile, disks, memoryMb, recipeDir } from './paths.ts';
import { quitQemu, saveDevices, startQemu } from './qemu.ts';
import type { QemuOptions } from './qemu-command.ts';
import { connectSsh, disconnectSsh, execSsh, type SshTarget } from './ssh.ts';
import { ensureSystemLayer } from './system-layer.ts';

const poolDiskSize = '8G';
const provisionTimeoutMs = 15 * 60_000;

/** The provisioned server, ready to be resumed; built where the cache does not have it. */
export async function ensureBootedLayer(): Promise<Saved & { readonly hash: string }> {
  await ensureHostTools();
  const system = await ensureSystemLayer();
  const accelerator = await chooseAccelerator(system.dir);
  // A saved state can be resumed only by the same QEMU with the same processor and memory.
  const { stdout: version } = await execa('qemu-system-x86_64', ['--version'], { timeout: 10_000 });
  const ownHash = await hashOfFiles(join(recipeDir, 'booted'));
  const machineCode = await readFile(join(import.meta.dirname, 'qemu-command.ts'), 'utf8');
  const hash = hashOf(system.hash, ownHash, accelerator, version, machineCode, String(memoryMb()));
  const kernelDir = system.dir;
  const dir = await ensureLayer({
    name: 'booted',
    hash,
    build: (into) => build(into, kernelDir, accelerator),
  });
  return { dir, kernelDir, below: [kernelDir], accelerator, hash };
}

async function build(dir: string, kernelDir: string, accelerator: Saved['accelerator']): Promise<void> {
  await makeOverlay(dir, kernelDir, 'root');
  for (const disk of ['data', 'backup'] as const) {
    const create = ['create', '-q', '-f', 'qcow2', diskFile(dir, disk), poolDiskSize];
    await execa('qemu-img', create, { timeout: 20_000 });
  }
  const script = await readFile(join(recipeDir, 'booted/provision.sh'), 'utf8');
  await runAndSave({ dir, kernelDir, below: [kernelDir], accelerator }, false, async (target) => {
    await execSsh(target, 'sh -s', { input: script, timeoutMs: provisionTimeoutMs });
  });
}

/** Copies a saved server into `dir`, lets `change` work in it, and saves it there again. */
export async function deriveSaved(from: Saved, dir: string, change: Change): Promise<void> {
  await Promise.all(disks.map((disk) => makeOverlay(dir, from.dir, disk)));
  await execa('cp', ['--sparse=always', memoryFile(from.dir), memoryFile(dir)], { timeout: 120_000 });
  await cp(devicesFile(from.dir), devicesFile(dir));
  await runAndSave({ ...from, dir }, true, change);
}

type Change = (target: SshTarget) => Promise<void>;

/** Boots or resumes the server whose files are in `dir`, and saves it in place after `change`. */
async function runAndSave(saved: Saved, resumed: boolean, change: Change): Promise<void> {
  const { dir, kernelDir } = saved;
  const socketDir = await mkdtemp(join(tmpdir(), 'lab-'));
  const target = { port: await freePort(), keyFile: join(kernelDir, 'key'), socketDir };
  const options: QemuOptions = {
    ...{ ...saved, socketDir, sshPort: target.port },
    memory: { kind: 'file', file: memoryFile(dir) },
    ...(resumed ? { resumeDevices: devicesFile(dir) } : {}),
  };
  const qemu = await startQemu(options);
  try {
    await connectSsh(target, () => qemu.alive(), 5 * 60_000);
    await execSsh(target, `date -s @${Date.now() / 1000}`, {});
    await change(target);
    await disconnectSsh(target);
    await saveDevices(qemu.qmp, devicesFile(dir));
    await quitQemu(qemu);
  } finally {
    await disconnectSsh(target);
    await quitQemu(qemu);
    await rm(socketDir, { recursive: true, force: true });
  }
  await digHoles(memoryFile(dir));
}

/** Pages the guest never touched take no room. */
async function digHoles(file: string): Promise<void> {
  await execa('fallocate', ['--dig-holes', file], { timeout: 120_000, reject: false });
}
