import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { newIdentity } from '../../tools/secrets/age.ts';
import { UserError } from '../errors.ts';
import { identityOf, type SecretsFlags } from '../secrets/checkout.ts';
import { note } from '../terminal.ts';

/** A new identity, which stays where it is; its recipient goes to standard output. Exit 0: made. */
export async function keygen(flags: Pick<SecretsFlags, 'identity' | 'config'>): Promise<number> {
  const file = identityOf(flags);
  const { identity, recipient } = await newIdentity();
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `# recipient: ${recipient}\n${identity}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UserError(`${file} is there already, and files may be encrypted for it; nothing was written`);
    throw new UserError(`${file} could not be written (${code})`);
  }
  process.stdout.write(`${recipient}\n`);
  note(
    `The key is in ${file}. Keep a copy of it elsewhere: without it nobody opens what is encrypted for it.`,
  );
  note('Write the line above into secrets.recipients of lab.yaml, then run `steward secrets rekey`.');
  return 0;
}
