import { readSecretFile } from '../secret-file.ts';
import { BorgError, type BorgRepository } from './types.ts';

/**
 * Proves that the passphrase can be handed to borg and is nobody else's to read. Gives its words, only so that they
 * can be blotted out of messages; null where the repository has none. Throws BorgError naming the file and the cure.
 */
export async function readPassphrase({ passphraseFile: file }: BorgRepository): Promise<string | null> {
  if (file === null) return null;
  return readSecretFile(file, 'passphrase').catch((cause: Error) => {
    throw new BorgError(cause.message, { cause });
  });
}

/** The text without the secret. Very short ones would take letters out of ordinary words. */
export function blot(text: string, secret: string | null, what = 'passphrase'): string {
  return secret === null || secret.length < 4 ? text : text.replaceAll(secret, `[${what}]`);
}
