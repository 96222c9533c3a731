import { constants, type Stats } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { DnsError } from './types.ts';

const { O_NONBLOCK, O_NOFOLLOW, O_RDONLY } = constants;

/** Far more than all the names of a home take. */
const maxBytes = 4 * 1024 * 1024;

/**
 * A file in a folder that others may write to, such as the container of the DNS server: neither a link nor a pipe of
 * theirs is read. Throws DnsError, and as node:fs does where there is none.
 */
export async function readGuarded(file: string): Promise<string> {
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ELOOP') throw cause;
      throw new DnsError(`${file} is a link, and none is followed; put the file itself there, or remove it`);
    },
  );
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new DnsError(`${file} is not a file; remove it`);
    if (stat.size > maxBytes) throw new DnsError(`${file} is larger than any list of names; remove it`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/**
 * Holds the folder of `file` to be the one that its path says, now and one instant later: nobody but root, and who runs
 * this, may put another in the place of any part of it. Others may write into the folder itself. Throws DnsError.
 */
export async function requirePlace(file: string): Promise<void> {
  const names = path.dirname(file).split('/').slice(1);
  let at = '/';
  let above = await lstat(at);
  for (const name of names.filter((each) => each !== '')) {
    const folder = at;
    at = path.join(at, name);
    const stat = await lstat(at).catch((cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'ENOENT' ? 'is not there; make it' : `cannot be looked at (${cause.code})`;
      throw new DnsError(`the folder ${at} ${why}`, { cause });
    });
    if (stat.isSymbolicLink()) throw new DnsError(await linkSentence(at));
    if (!isKeptBy(above, stat)) throw new DnsError(openSentence(folder, file));
    above = stat;
  }
}

/** Whether an entry of a folder stays what it is. In one with the sticky bit, as /tmp, its owner alone replaces it. */
function isKeptBy(folder: Stats, entry: Stats): boolean {
  const isSticky = (folder.mode & 0o1000) !== 0;
  const isClosed = (folder.mode & 0o002) === 0 && ((folder.mode & 0o020) === 0 || folder.gid === 0);
  return isOurs(folder) && (isClosed || (isSticky && isOurs(entry)));
}

function isOurs({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

async function linkSentence(folder: string): Promise<string> {
  const real = await realpath(folder).catch(() => 'which is not there');
  return `${folder} is a link; name the folder that it leads to (${real}) in lab.yaml (dns.file)`;
}

function openSentence(folder: string, file: string): string {
  const fix = 'name a file in a folder of root, or directly in one that stands in a folder of root';
  return `${folder} can be written to by others than root, so ${file} could lead anywhere; ${fix}`;
}
