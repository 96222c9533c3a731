import { dotenvFault } from '../../desired-state/secrets/open.ts';
import { ownMemory, withPrivateFiles } from '../../tools/secrets/env-files.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import {
  type Checkout,
  openCheckout,
  requireRecipients,
  requireService,
  type SecretsFlags,
  writeEncrypted,
} from '../secrets/checkout.ts';
import { edited } from '../secrets/editor.ts';
import { note } from '../terminal.ts';

/** Opens .env.age of a service in an editor, in memory. Exit 0, also where nothing was changed. */
export async function edit(name: string, flags: SecretsFlags): Promise<number> {
  const checkout = await openCheckout(flags);
  requireService(checkout, name);
  await requireRecipients(checkout);
  const file = `services/${name}/.env.age`;
  const before = await present(checkout, file);
  const start = before ?? '# NAME=value\n';
  const after = await withPrivateFiles([start], ownMemory(), ([plain = '']) => untilRight(plain, start));
  if (after === start) {
    note(`${file} is as it was.`);
    return 0;
  }
  await writeEncrypted(checkout, file, after);
  const { length } = checkout.recipients;
  note(`${file} is written, for ${length} ${length === 1 ? 'recipient' : 'recipients'}.`);
  return 0;
}

async function present({ files, box }: Checkout, file: string): Promise<string | null> {
  if (files.state(file) === 'absent') return null;
  const content = files.read(file);
  if (content === null) throw new UserError(`${file} is no file that can be read`);
  return await box.open(file, content.bytes);
}

/** A person who is there may mend what is wrong; without one, nothing is written. */
async function untilRight(plain: string, start: string): Promise<string> {
  for (;;) {
    const text = await edited(plain);
    const fault = text === start ? null : dotenvFault(text);
    if (fault === null) return text;
    const again =
      canAsk() &&
      (await typed('', `What you wrote cannot be used: ${fault}. Enter: edit it again; Ctrl-C: give up. `));
    if (!again) throw new UserError(`what you wrote cannot be used: ${fault}; nothing was changed`);
  }
}
