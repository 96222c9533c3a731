/**
 * One machine: a directory with overlays over a layer's disks, and the QEMU that runs on them. The layer
 * itself is never written to, so that several machines can stand on it and each can start anew.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Accelerator } from './accelerator.ts';
import { diskFile, disks, vmsDir } from './paths.ts';
import { isPortTaken, startQemu } from './qemu.ts';
import type { QemuOptions } from './qemu-command.ts';
import { connectSsh, disconnectSsh, execSsh, type SshTarget } from './ssh.ts';
import { discard, isOurQemu, killQemu, type VmRecord, writeRecord } from './vm-record.ts';

/** A saved server: what a machine is resumed from. */
export type Saved = {
  readonly dir: string;
  readonly kernelDir: string;
  /** Layers whose disks back those in `dir`. */
  readonly below: readonly string[];
  readonly accelerator: Accelerator;
};

export type Machine = {
  record: VmRecord;
  readonly saved: Saved;
  readonly target: SshTarget;
};

const bootTimeoutMs = 5 * 60_000;
const resumeTimeoutMs = 60_000;

/** Files of a saved server beside its disks. */
export const memoryFile = (dir: string) => join(dir, 'memory.bin');
export const devicesFile = (dir: string) => join(dir, 'devices.bin');

/** A running copy of the saved server. It ends with this process unless `detached`. */
export async function createMachine(saved: Saved, detached: boolean): Promise<Machine> {
  for (let attempt = 1; ; attempt++) {
    const machine = await prepareMachine(saved, detached);
    try {
      await resumePristine(machine);
      return machine;
    } catch (error) {
      await removeMachine(machine);
      if (!isPortTaken(error) || attempt === 3) throw error;
    }
  }
}

async function prepareMachine(saved: Saved, detached: boolean): Promise<Machine> {
  const dir = join(vmsDir(), `${process.pid}-${randomBytes(3).toString('hex')}`);
  await mkdir(dir, { recursive: true });
  const socketDir = await mkdtemp(join(tmpdir(), 'lab-'));
  const sshPort = await freePort();
  const ownerPid = detached ? 0 : process.pid;
  const record: VmRecord = {
    dir,
    layers: [saved.dir, ...saved.below],
    socketDir,
    sshPort,
    qemuPid: 0,
    ownerPid,
  };
  await writeRecord(record);
  return { record, saved, target: targetOf(record, saved) };
}

/** How to reach the machine of a record. */
export function targetOf(record: VmRecord, saved: Saved): SshTarget {
  return { port: record.sshPort, socketDir: record.socketDir, keyFile: join(saved.kernelDir, 'key') };
}

/** Throws the machine's disks and memory away and resumes the saved server; the clock is set to now. */
export async function resumePristine(machine: Machine): Promise<void> {
  await stop(machine);
  await Promise.all(disks.map((disk) => makeOverlay(machine.record.dir, machine.saved.dir, disk)));
  const { dir } = machine.saved;
  await start(machine, {
    memory: { kind: 'copy-of-file', file: memoryFile(dir) },
    resumeDevices: devicesFile(dir),
  });
  await waitForServer(machine, resumeTimeoutMs);
  await execSsh(machine.target, `date -s @${Date.now() / 1000}`, {});
}

/** Pulls the plug and boots the same disks. */
export async function cutPower(machine: Machine): Promise<void> {
  await stop(machine);
  await start(machine, { memory: { kind: 'plain' } });
  await waitForServer(machine, bootTimeoutMs);
}

/** Reboots in order and waits until the server answers again. */
export async function rebootMachine(machine: Machine): Promise<void> {
  const bootId = 'cat /proc/sys/kernel/random/boot_id';
  const before = await execSsh(machine.target, bootId, {});
  await execSsh(machine.target, 'systemctl reboot', { allowFailure: true });
  const deadline = Date.now() + bootTimeoutMs;
  for (;;) {
    await disconnectSsh(machine.target);
    await waitForServer(machine, deadline - Date.now());
    const after = await execSsh(machine.target, bootId, { allowFailure: true });
    if (after.exitCode === 0 && after.stdout !== before.stdout) return;
  }
}

/** Ends QEMU and removes everything the machine wrote. */
export async function removeMachine(machine: Machine): Promise<void> {
  await disconnectSsh(machine.target);
  await discard(machine.record);
}

async function waitForServer(machine: Machine, timeoutMs: number): Promise<void> {
  try {
    await connectSsh(machine.target, () => isOurQemu(machine.record), timeoutMs);
  } catch (error) {
    const serial = await readFile(join(machine.record.dir, 'serial.log'), 'utf8').catch(() => '');
    throw new Error(`${(error as Error).message}; its console ends with:\n${serial.slice(-2000)}`, {
      cause: error,
    });
  }
}

async function stop(machine: Machine): Promise<void> {
  await disconnectSsh(machine.target);
  await killQemu(machine.record);
  await rm(join(machine.record.socketDir, 'monitor'), { force: true });
}

async function start(machine: Machine, how: Pick<QemuOptions, 'memory' | 'resumeDevices'>): Promise<void> {
  const { dir, socketDir, sshPort, ownerPid } = machine.record;
  const { kernelDir, accelerator } = machine.saved;
  const options = { dir, socketDir, sshPort, kernelDir, accelerator, detached: ownerPid === 0, ...how };
  const qemu = await startQemu(options);
  qemu.qmp.close();
  machine.record = { ...machine.record, qemuPid: qemu.pid };
  await writeRecord(machine.record);
}

/** An empty disk whose unwritten blocks are those of the layer's disk. */
export async function makeOverlay(dir: string, layer: string, disk: (typeof disks)[number]): Promise<void> {
  const file = diskFile(dir, disk);
  await rm(file, { force: true });
  const backing = ['-F', 'qcow2', '-b', diskFile(layer, disk)];
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, file], { timeout: 20_000 });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
