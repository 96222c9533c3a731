import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BorgLog } from './log.ts';

/**
 * Borg's cache of a repository is in several files, which a power cut may leave without one another, or empty. Each later
 * call of borg fails with a traceback then, until somebody removes the folder; borg makes it again from the repository,
 * and only that takes time. What borg remembers to notice an exchanged repository lies elsewhere, and is not touched.
 */

/** Removes it where that is why borg gave up. Whether there was anything to be removed. */
export async function clearDamagedCache(log: BorgLog, location: string, base: string): Promise<boolean> {
  const text = [log.error ?? '', ...log.plain].join('\n');
  if (!isFault(log.msgid) || !isDamage(text)) return false;
  const id = /\/\.cache\/borg\/([0-9a-f]{64})\//.exec(text)?.[1] ?? (await idOf(location, base));
  if (id === null) return false;
  const folder = path.join(base, '.cache', 'borg', id);
  const isThere = await readdir(folder).catch(() => null);
  if (isThere === null) return false;
  await rm(folder, { recursive: true, force: true });
  return true;
}

/** What is wrong with the repository, its key or the connection has a name of its own, and stays wrong. */
function isFault(msgid: string | null): boolean {
  return msgid === 'Exception' || msgid === 'FileIntegrityError';
}

/**
 * It fell over its own cache, here and not on the server. A full disk, one that cannot be read or written, memory that is
 * not there: another cache would fare no better. That a file is missing is damage.
 */
function isDamage(text: string): boolean {
  if (!/\bborg\/cache\.py"|failed integrity check: .*\/\.cache\/borg\//.test(text)) return false;
  if (/^(Borg server|Remote): /m.test(text)) return false;
  return !/\[Errno (?!2\])\d+\]|\bMemoryError\b|Lock(Timeout|Failed|Error)/.test(text);
}

/** As borg remembers where it has seen which repository; null where that does not tell exactly one. */
async function idOf(location: string, base: string): Promise<string | null> {
  const folder = path.join(base, '.config', 'borg', 'security');
  const ids = await readdir(folder).catch(() => []);
  const found: string[] = [];
  for (const id of ids) {
    const seen = await readFile(path.join(folder, id, 'location'), 'utf8').catch(() => null);
    if (seen !== null && plain(seen) === plain(location)) found.push(id);
  }
  return found.length === 1 && /^[0-9a-f]{64}$/.test(found[0] ?? '') ? (found[0] ?? null) : null;
}

/** Borg writes a port only where one is given, and no slash at the end. */
function plain(location: string): string {
  return location
    .trim()
    .replace(/^file:\/\//, '')
    .replace(/^(ssh:\/\/[^/]*):22\//, '$1/')
    .replace(/(?<=.)\/+$/, '');
}
