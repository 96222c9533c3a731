import { safe } from '../render/text.ts';
import { openCheckout, type SecretsFlags } from '../secrets/checkout.ts';
import { encryptedFindings, filesOf, plainFindings } from '../secrets/findings.ts';
import { note, printJson } from '../terminal.ts';

/** Looks through every file that Git has or would take. Exit 0: nothing found. 1: something was. */
export async function check(flags: SecretsFlags & { output: 'text' | 'json' }): Promise<number> {
  const checkout = await openCheckout(flags);
  const names = await filesOf(checkout);
  const found = [...plainFindings(checkout, names), ...(await encryptedFindings(checkout, names))];
  if (flags.output === 'json') printJson({ files: names.length, findings: found });
  else
    for (const { file, line, column, message } of found)
      process.stdout.write(`${safe(`${file}:${line}:${column} ${message}`)}\n`);
  if (flags.output === 'text' && found.length === 0)
    note(`No plain secret was found in ${names.length} files.`);
  return found.length === 0 ? 0 : 1;
}
