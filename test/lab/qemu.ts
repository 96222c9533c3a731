/**
 * Starts QEMU. Two ways to a running server:
 *
 * - **boot**: kernel, initrd and disks; half a minute.
 * - **resume**: the memory of a saved server is a file that QEMU maps privately (copy on write), so that
 *   any number of machines share the pages they do not change and nothing has to be read beforehand. Only
 *   the devices' state, less than a megabyte, goes through QEMU's migration (`x-ignore-shared`).
 */

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { diesWithUs } from './host-tools.ts';
import { monitorSocket, type QemuOptions, qemuCommand } from './qemu-command.ts';
import { connectQmp, type Qmp } from './qmp.ts';

/** Whether {@link startQemu} failed because another process was faster to take the SSH port. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Could not set up host forwarding');
}

export type Qemu = {
  readonly pid: number;
  readonly qmp: Qmp;
  readonly exited: Promise<unknown>;
  readonly alive: () => boolean;
};

/** A running QEMU: booting, or resumed and already executing. Rejects with QEMU's own words. */
export async function startQemu(options: QemuOptions): Promise<Qemu> {
  const command = qemuCommand(options);
  const [file, ...args] = options.detached ? command : diesWithUs(...command);
  const logFile = join(options.dir, 'qemu.log');
  // The file itself, not a pipe through this process, which a detached machine outlives.
  const words = await open(logFile, 'w');
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', words.fd],
    detached: options.detached ?? false,
  });
  if (options.detached) child.unref();
  let alive = true;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      alive = false;
      resolve();
    };
    child.on('exit', end).on('error', end);
  });
  await words.close();
  try {
    const qmp = await connectQmp(monitorSocket(options), () => alive);
    if (options.resumeDevices) await resume(qmp, options.resumeDevices);
    return { pid: child.pid as number, qmp, exited, alive: () => alive };
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    const reason = await readFile(logFile, 'utf8').catch(() => '');
    throw new Error(`lab: QEMU did not start: ${reason}`, { cause: error });
  }
}

const ignoreSharedMemory = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

/** Stops the guest and writes its devices' state; the memory is in the file it was started with. */
export async function saveDevices(qmp: Qmp, file: string): Promise<void> {
  await qmp.run('stop');
  await qmp.run('migrate-set-capabilities', ignoreSharedMemory);
  await qmp.run('migrate', { uri: `exec:cat > '${file}'` });
  await waitForMigration(qmp);
}

async function resume(qmp: Qmp, file: string): Promise<void> {
  await qmp.run('migrate-set-capabilities', ignoreSharedMemory);
  await qmp.run('migrate-incoming', { uri: `exec:cat '${file}'` });
  await waitForMigration(qmp);
  await qmp.run('cont');
}

async function waitForMigration(qmp: Qmp): Promise<void> {
  for (;;) {
    const state = (await qmp.run('query-migrate')) as { status?: string; 'error-desc'?: string };
    if (state.status === 'completed') return;
    if (state.status === 'failed') throw new Error(`lab: migration failed: ${state['error-desc'] ?? ''}`);
    await sleep(10);
  }
}

/** Ends QEMU in order, so that the disks' files are complete. */
export async function quitQemu(qemu: Qemu): Promise<void> {
  await qemu.qmp.run('quit').catch(() => undefined);
  await qemu.exited;
  qemu.qmp.close();
}
