import { messageOf } from '../errors.ts';
import { plural } from '../render/text.ts';
import {
  type Checkout,
  openCheckout,
  requireService,
  type SecretsFlags,
  servicesWith,
  writeEncrypted,
} from '../secrets/checkout.ts';
import { note } from '../terminal.ts';

/** Encrypts every .env.age for the recipients that lab.yaml names now. One that fails does not keep the others. */
export async function rekey(names: string[], flags: SecretsFlags): Promise<number> {
  const checkout = await openCheckout(flags);
  for (const name of names) requireService(checkout, name);
  const all = servicesWith(checkout, '.env.age');
  const chosen = names.length === 0 ? all : names;
  if (chosen.length === 0) note('There is no .env.age in services/.');
  const results: boolean[] = [];
  for (const name of chosen) results.push(await rekeyOne(checkout, `services/${name}/.env.age`));
  if (chosen.some((name) => hasSops(checkout, name)))
    note('Files of SOPS are left as they are: `sops updatekeys FILE` does the same for them.');
  return results.every(Boolean) ? 0 : 1;
}

async function rekeyOne(checkout: Checkout, file: string): Promise<boolean> {
  const content = checkout.files.read(file);
  if (content === null) {
    note(`${file} is not there.`);
    return false;
  }
  try {
    await writeEncrypted(checkout, file, await checkout.box.open(file, content.bytes));
    note(`${file} is encrypted for ${plural(checkout.recipients.length, 'recipient')}.`);
    return true;
  } catch (error) {
    if (!['SecretError', 'UserError'].includes((error as Error).name)) throw error;
    note(messageOf(error).trimEnd());
    return false;
  }
}

function hasSops({ files }: Checkout, name: string): boolean {
  return ['.sops.env', '.env.sops.yaml'].some((file) => files.state(`services/${name}/${file}`) === 'file');
}
