/** What is known on disk about each running machine, so that others can find it and clean up after it. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vmsDir } from './paths.ts';

export type VmRecord = {
  /** The machine's directory: overlays, serial.log, this record. */
  readonly dir: string;
  /** Directories of the layers the overlays stand on, directly or not. */
  readonly layers: readonly string[];
  /** Sockets are apart: a unix socket's path may have 107 bytes only. */
  readonly socketDir: string;
  readonly sshPort: number;
  readonly qemuPid: number;
  /** The process the machine dies with; 0 for a machine that is to stay. */
  readonly ownerPid: number;
};

const recordFile = 'vm.json';

/** Writes the record into the machine's directory. */
export async function writeRecord(record: VmRecord): Promise<void> {
  await writeFile(join(record.dir, recordFile), JSON.stringify(record, null, 2));
}

/** The record in a machine's directory; undefined where there is none (yet). */
export async function readRecord(dir: string): Promise<VmRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, recordFile), 'utf8')) as VmRecord;
  } catch {
    return undefined;
  }
}

async function allRecords(): Promise<VmRecord[]> {
  const names = await readdir(vmsDir()).catch(() => []);
  const records = await Promise.all(names.map((name) => readRecord(join(vmsDir(), name))));
  return records.filter((record) => record !== undefined);
}

/** Layers that running machines stand on; these must not be removed. */
export async function layersInUse(): Promise<Set<string>> {
  return new Set((await allRecords()).flatMap((record) => record.layers));
}

/** Removes what machines have left behind whose owner is gone. QEMU itself died with its owner. */
export async function sweepAbandoned(): Promise<void> {
  for (const record of await allRecords()) {
    if (record.ownerPid !== 0 && !isAlive(record.ownerPid)) await discard(record);
  }
}

/** Ends the machine's QEMU at once and removes its files. */
export async function discard(record: VmRecord): Promise<void> {
  await killQemu(record);
  await rm(record.socketDir, { recursive: true, force: true });
  await rm(record.dir, { recursive: true, force: true });
}

/** SIGKILL to the recorded pid, if that still is this machine's QEMU; resolves once it is gone. */
export async function killQemu(record: VmRecord): Promise<void> {
  if (!(await isOurQemu(record))) return;
  process.kill(record.qemuPid, 'SIGKILL');
  while (!(await isGone(record.qemuPid))) await sleep(20);
}

/**
 * A dying process loses its arguments long before it lets go of its files; it has done so when nothing is
 * left of it, or one zombie thread for a parent to fetch.
 */
async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  if (stat === '') return true;
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return state === 'Z' && threads.length <= 1;
}

/** Whether the machine's QEMU runs. A pid may have been given to another process: its arguments tell. */
export async function isOurQemu(record: VmRecord): Promise<boolean> {
  const commandLine = await readFile(`/proc/${record.qemuPid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(join(record.dir, 'root.qcow2'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
