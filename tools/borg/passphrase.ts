import { open } from 'node:fs/promises';
import { BorgError, type BorgRepository } from './types.ts';

/**
 * Proves that the passphrase can be handed to borg and is nobody else's to read. Gives its words, only so that they
 * can be blotted out of messages; null where the repository has none. Throws BorgError naming the file and the cure.
 */
export async function readPassphrase({ passphraseFile: file }: BorgRepository): Promise<string | null> {
  if (file === null) return null;
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw refusal(file, meanings[cause.code ?? ''] ?? `cannot be read (${cause.code})`, cause);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw refusal(file, 'is not a file');
    if ((stat.mode & 0o077) !== 0)
      throw refusal(file, `can be read by others than its owner; run chmod 600 ${file}`);
    const words = (await handle.readFile('utf8')).replace(/\n+$/, '');
    if (words === '') throw refusal(file, 'is empty; write the passphrase into it');
    return words;
  } finally {
    await handle.close();
  }
}

const meanings: Record<string, string> = {
  ENOENT: 'does not exist; write the passphrase into it, mode 0600',
  EACCES: 'may not be read by this user',
};

function refusal(file: string, what: string, cause?: unknown): BorgError {
  return new BorgError(`the passphrase file ${file} ${what}`, { cause });
}

/** The text without the secret. Very short ones would take letters out of ordinary words. */
export function blot(text: string, secret: string | null): string {
  return secret === null || secret.length < 4 ? text : text.replaceAll(secret, '[passphrase]');
}
