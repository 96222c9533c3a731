import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { killSession } from './kill-session.ts';

/**
 * A hook goes on when the Steward that has started it is killed. Two dumps into one file would be neither of them: so
 * what is under way has a file each, which lasts as long as the server runs, and the next hook ends those that have
 * lost their Steward.
 */
export interface HookRecord {
  /** `NAME=VALUE`: in the environment of all that the hook starts. */
  mark: string;
  containerId: string;
}

interface Kept extends HookRecord {
  pid: number;
  since: string;
}

/** Runs it, with a file in the folder for as long as it does. Throws what it throws, and where there can be no file. */
export async function recorded<T>(folder: string, hook: HookRecord, run: () => Promise<T>): Promise<T> {
  const file = path.join(folder, `${randomUUID()}.json`);
  const kept: Kept = { ...hook, pid: process.pid, since: (await startOf(process.pid)) ?? '' };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
  try {
    return await run();
  } finally {
    await rm(file, { force: true });
  }
}

/** Ends every hook whose Steward is dead, with all that it has started. */
export async function endOrphans(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const file = path.join(folder, name);
    const kept = await readKept(file);
    if (kept !== null && (await startOf(kept.pid)) === kept.since) continue;
    if (kept !== null) await killSession({ ...kept, leader: 0 });
    await rm(file, { force: true });
  }
}

/** Null where its writer died while it wrote: before the hook began. */
async function readKept(file: string): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch {
    return null;
  }
}

/** When a process began, in ticks since the server did: numbers of processes are given out again. See proc_pid_stat(5). */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}
