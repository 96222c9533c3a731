import { lstat, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import type { Observed, ObservedPath, ObservedSystem } from './types.ts';

export interface SystemObserverOptions {
  /** Where group, passwd, subuid and subgid are. Default /etc. */
  etc?: string | undefined;
  /** For each path. Default 10 s: an lstat on a dead network mount never comes back. */
  timeoutMs?: number | undefined;
}

/** Users and groups of this machine's own files; what LDAP and the like add is not seen. */
export async function observeSystem(options: SystemObserverOptions): Promise<Observed<ObservedSystem>> {
  const etc = options.etc ?? '/etc';
  try {
    const [group, passwd, subuid, subgid] = await Promise.all([
      readFile(path.join(etc, 'group'), 'utf8'),
      readFile(path.join(etc, 'passwd'), 'utf8'),
      readOptional(path.join(etc, 'subuid')),
      readOptional(path.join(etc, 'subgid')),
    ]);
    const value = {
      groups: parseIds(group),
      users: parseIds(passwd),
      subUids: parseRanges(subuid),
      subGids: parseRanges(subgid),
    };
    return { known: true, value };
  } catch (error) {
    return { known: false, error: `users and groups cannot be read: ${(error as Error).message}` };
  }
}

/** A system without containers has no subordinate ids, and no file for them. */
async function readOptional(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** Name -> id out of passwd(5) or group(5): the third field of both. Lines that are neither are passed over. */
export function parseIds(text: string): Record<string, number> {
  return Object.fromEntries(
    fieldsOf(text).flatMap(([name, , id]) => (name && isNumber(id) ? [[name, Number(id)]] : [])),
  );
}

/** Name -> its ranges out of subuid(5), a line each: `name:start:count`. */
export function parseRanges(text: string): ObservedSystem['subUids'] {
  const ranges = fieldsOf(text).flatMap(([name, start, count]) =>
    name && isNumber(start) && isNumber(count)
      ? [{ name, range: { start: Number(start), count: Number(count) } }]
      : [],
  );
  const byName = Map.groupBy(ranges, ({ name }) => name);
  return Object.fromEntries([...byName].map(([name, own]) => [name, own.map(({ range }) => range)]));
}

function fieldsOf(text: string): string[][] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'));
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

/** What is at each path, links not followed, 32 at a time. */
export async function observePaths(
  paths: string[],
  options: SystemObserverOptions,
): Promise<Record<string, Observed<ObservedPath>>> {
  const limit = pLimit(32);
  const asked = [...new Set(paths)].map((path) =>
    limit(async () => [path, await observePath(path, options.timeoutMs ?? 10_000)] as const),
  );
  return Object.fromEntries(await Promise.all(asked));
}

async function observePath(path: string, timeoutMs: number): Promise<Observed<ObservedPath>> {
  try {
    const stat = await withTimeout(lstat(path), timeoutMs);
    const real = await withTimeout(realpath(path).catch(unlessDangling), timeoutMs);
    if (stat.isSymbolicLink() || real !== path) return { known: true, value: { type: 'link' } };
    if (!stat.isDirectory()) return { known: true, value: { type: 'other' } };
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    return { known: true, value: { type: 'directory', uid: stat.uid, gid: stat.gid, mode } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { known: true, value: { type: 'absent' } };
    return { known: false, error: `${path} cannot be looked at: ${code ?? message}` };
  }
}

/** A link to what is not there is a link all the same. */
function unlessDangling(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
  throw error;
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
