import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dotenvFault } from '../../desired-state/secrets/open.ts';
import { holdsSops } from '../../tools/secrets/format.ts';
import { UserError } from '../errors.ts';
import {
  type Checkout,
  openCheckout,
  requireService,
  type SecretsFlags,
  writeEncrypted,
} from '../secrets/checkout.ts';
import { note } from '../terminal.ts';

/** A plain environment file becomes services/NAME/.env.age. Exit 0: written. */
export async function encrypt(
  name: string,
  source: string | undefined,
  flags: SecretsFlags,
): Promise<number> {
  const checkout = await openCheckout(flags);
  requireService(checkout, name);
  const file = `services/${name}/.env.age`;
  if (existsSync(join(checkout.root, file)))
    throw new UserError(`${file} is there already; \`steward secrets edit ${name}\` changes it`);
  const own = join(checkout.root, `services/${name}/.env`);
  const plain = source === undefined ? own : resolve(source);
  const text = readPlain(plain);
  await writeEncrypted(checkout, file, text);
  note(`${file} is written.`);
  if (plain === own) await removePlain(checkout, own, file, text);
  note(afterwards(name));
  return 0;
}

function readPlain(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}); name a file, or use edit`,
    );
  }
  if (holdsSops(bytes)) throw new UserError(`${file} is encrypted by SOPS already`);
  const text = bytes.toString('utf8');
  const fault = dotenvFault(text);
  if (fault !== null) throw new UserError(`${file}: ${fault}`);
  return text;
}

/** Only what can be read again is taken away: the plain file may be the only one that there is. */
async function removePlain({ root, box }: Checkout, own: string, file: string, text: string): Promise<void> {
  const again = await box.open(file, readFileSync(join(root, file))).catch((error: Error) => error);
  if (again === text) {
    rmSync(own);
    note(`The plain .env is removed: ${file} was opened again and holds the same.`);
    return;
  }
  const why = again instanceof Error ? again.message : 'it does not hold the same';
  note(
    `The plain .env is still there, since ${file} could not be proven here (${why}). Remove it once it is.`,
  );
}

function afterwards(name: string): string {
  return [
    "What was committed in plain stays in Git's history, and wherever that was pushed: change those passwords and",
    `tokens where they are used, and write the new ones with \`steward secrets edit ${name}\`. Variables of images,`,
    'names, ports and paths are shown in plans, so they belong into .env.',
  ].join('\n');
}
