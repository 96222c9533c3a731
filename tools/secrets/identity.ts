import { constants, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { SecretError } from './error.ts';

export const defaultIdentity = '/etc/steward/age.key';

/**
 * The private keys of a file as `age-keygen` writes it: a key a line, and comments. A key that others can read is
 * nobody's secret, so it is refused. Throws SecretError that names the file and the cure.
 */
export async function readIdentity(file: string): Promise<string[]> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      throw refusal(file, meanings[cause.code ?? ''] ?? `cannot be read (${cause.code})`);
    },
  );
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw refusal(file, 'is not a file');
    const why = unsafe(stat, process.geteuid?.() ?? stat.uid);
    if (why !== null) throw refusal(file, why.replaceAll('FILE', file));
    return keysOf(file, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

/** Why a file with this owner and mode is no place for a private key; null: it is one. */
export function unsafe(stat: { uid: number; mode: number }, self: number): string | null {
  if (stat.uid !== self && stat.uid !== 0)
    return `belongs to the user with id ${stat.uid}; run chown ${self === 0 ? 'root' : self} FILE`;
  if ((stat.mode & 0o077) !== 0) return 'can be read by others than its owner; run chmod 600 FILE';
  return null;
}

function keysOf(file: string, text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw refusal(file, 'holds no key; `steward secrets keygen` makes one');
  const odd = keys.find((line) => !/^AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+$/.test(line));
  if (odd !== undefined)
    throw refusal(file, 'holds a line that is no AGE-SECRET-KEY-1…; keys of SSH are not read');
  return keys;
}

const meanings: Record<string, string> = {
  ENOENT: 'does not exist; `steward secrets keygen` makes one',
  EACCES: 'may not be read by this user',
};

function refusal(file: string, what: string): SecretError {
  return new SecretError(`the identity ${file} ${what}`);
}

/** Changes when the file does: what followed from an identity is looked at again then. */
export function identityState(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return [file, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return `${file} ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`;
  }
}
