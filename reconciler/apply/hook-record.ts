import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { killSession } from './kill-session.ts';
import { privateFolder, writePrivate } from './private-file.ts';

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

/** Runs it, with a file in the folder for as long as it does. Throws what it throws, and a StepError where there can be no file. */
export async function recorded<T>(folder: string, hook: HookRecord, run: () => Promise<T>): Promise<T> {
  const file = path.join(folder, `${randomUUID()}.json`);
  const kept: Kept = { ...hook, pid: process.pid, since: (await startOf(process.pid)) ?? '' };
  await privateFolder(folder);
  await writePrivate(file, JSON.stringify(kept));
  try {
    return await run();
  } finally {
    await rm(file, { force: true });
  }
}

/** Ends every hook whose Steward is dead, with all that it has started. */
export async function endOrphans(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  // One that was not written to its end is of a hook that never began.
  for (const name of names.filter((each) => /^[^.].*\.json$/.test(each))) {
    const file = path.join(folder, name);
    const kept = await readKept(file);
    if (kept === null || (await startOf(kept.pid)) === kept.since) continue;
    await killSession({ ...kept, leader: 0 });
    await rm(file, { force: true });
  }
}

/** Null: it has ended meanwhile. */
async function readKept(file: string): Promise<Kept | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Kept);
}

/** When a process began, in ticks since the server did: numbers of processes are given out again. See proc_pid_stat(5). */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}
