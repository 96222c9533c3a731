import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { digest } from '../../tools/digest.ts';
import { guarded, stateError } from './store.ts';

/** Who may change the host; the operating system drops it with the process, however that ends. */
export interface Lock {
  release(): void;
}

export interface LockHolder {
  pid: number;
  command: string;
  sinceMs: number;
}

export type LockResult = { ok: true; lock: Lock } | { ok: false; holder: LockHolder | null };

/** The lock of whoever changes the host; others are named after what they guard. */
const stateLock = 'lock';

/**
 * Takes one lock of a state folder, waiting at most `waitMs`. An exclusive SQLite transaction holds it rather
 * than a pid file: a kernel lock cannot be left behind by kill -9 or a power cut, and a pid may be someone else's.
 */
export function takeLock(
  stateDir: string,
  self: Omit<LockHolder, 'pid'>,
  waitMs: number,
  name = stateLock,
): LockResult {
  const path = join(stateDir, `${name}.db`);
  const db = guarded(path, () => new DatabaseSync(path, { timeout: waitMs }));
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy)
      return { ok: false, holder: readHolder(stateDir, name) };
    throw stateError(path, error as Error);
  }
  try {
    writeFileSync(holderFile(stateDir, name), JSON.stringify({ pid: process.pid, ...self }), { mode: 0o600 });
  } catch (error) {
    // On a full disk a loop would otherwise lock itself out for as long as it lives.
    db.close();
    throw stateError(holderFile(stateDir, name), error as Error);
  }
  return { ok: true, lock: { release: () => db.close() } };
}

/** One run at a time for one repository: whoever holds this is the only one of ours that uses it. */
export function repositoryLock(location: string): string {
  return `repository-${digest(location).slice(0, 16)}`;
}

/** sqlite.org/rescode.html#busy */
const sqliteBusy = 5;

/** Who holds the lock right now; null where nobody does. Looks without taking it: whoever comes just then is not kept out. */
export function holderOf(stateDir: string, name = stateLock): LockHolder | null {
  const path = join(stateDir, `${name}.db`);
  const db = guarded(path, () => new DatabaseSync(path, { timeout: 0 }));
  try {
    db.prepare('SELECT 1 FROM sqlite_schema').get();
    return null;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === sqliteBusy) return readHolder(stateDir, name);
    throw stateError(path, error as Error);
  } finally {
    db.close();
  }
}

/** Who wrote its name last. It need not hold the lock any more. */
export function readHolder(stateDir: string, name = stateLock): LockHolder | null {
  try {
    return JSON.parse(readFileSync(holderFile(stateDir, name), 'utf8')) as LockHolder;
  } catch {
    return null;
  }
}

function holderFile(stateDir: string, name: string): string {
  return join(stateDir, `${name}-holder.json`);
}
