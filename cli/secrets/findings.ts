import { existsSync } from 'node:fs';
import type { RepositoryFiles } from '../../desired-state/files.ts';
import { plainSecrets } from '../../desired-state/secrets/plain.ts';
import { run } from '../../tools/run.ts';
import { recipientCount } from '../../tools/secrets/age.ts';
import { encryptedNames, formatOf } from '../../tools/secrets/format.ts';
import { parseSopsDotenv, parseSopsYaml } from '../../tools/secrets/sops-file.ts';
import { plural } from '../render/text.ts';
import type { Checkout } from './checkout.ts';

/** Something that `secrets check` tells. Never a value. */
export interface Finding {
  file: string;
  line: number;
  column: number;
  message: string;
}

/** Files that Git has or would take, in order: what is ignored does not leave this machine. */
export async function filesOf({ root, files }: Checkout): Promise<string[]> {
  const listed = await run('git', [
    '-C',
    root,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ]).catch(() => null);
  if (listed?.exitCode === 0) return [...new Set(listed.stdout.split('\0'))].filter(Boolean).sort();
  return below(files, '.').sort();
}

function below(files: RepositoryFiles, folder: string): string[] {
  return files.list(folder).flatMap(({ name, directory }) => {
    if (name === '.git') return [];
    const file = folder === '.' ? name : `${folder}/${name}`;
    return directory ? below(files, file) : [file];
  });
}

const largest = 1024 * 1024;

export function plainFindings({ files }: Checkout, names: string[]): Finding[] {
  return names.flatMap((file) => {
    const { bytes } = files.read(file) ?? {};
    if (bytes === undefined || bytes.byteLength > largest || bytes.includes(0)) return [];
    return plainSecrets(file, Buffer.from(bytes).toString('utf8')).map(({ line, column, what }) => {
      return {
        file,
        line,
        column,
        message: `${what}; put it into .env.age (steward secrets edit), and change it where it is used`,
      };
    });
  });
}

/** Whether what is encrypted can be opened by those who should. */
export async function encryptedFindings(checkout: Checkout, names: string[]): Promise<Finding[]> {
  const encrypted = names.filter((file) => {
    const [top, , name = '', deeper] = file.split('/');
    return (
      top === 'services' &&
      deeper === undefined &&
      name !== '.env' &&
      (encryptedNames as readonly string[]).includes(name)
    );
  });
  const found: Finding[] = [];
  for (const file of encrypted) {
    const message = await faultOf(checkout, file);
    if (message !== null) found.push({ file, line: 1, column: 1, message });
  }
  return found;
}

async function faultOf(checkout: Checkout, file: string): Promise<string | null> {
  const bytes = checkout.files.read(file)?.bytes ?? new Uint8Array();
  const recipients =
    formatOf(file) === 'age' ? await ageFault(checkout, bytes) : sopsFault(checkout, file, bytes);
  if (recipients !== null || !existsSync(checkout.identity)) return recipients;
  return checkout.box.open(file, bytes).then(
    () => null,
    (error: Error) => error.message,
  );
}

/** An age file says for how many keys it is, and not for which. */
async function ageFault({ recipients }: Checkout, bytes: Uint8Array): Promise<string | null> {
  const count = await recipientCount(bytes);
  if (count === null) return 'is no age file';
  if (count === recipients.length) return null;
  const [sealed, named] = [plural(count, 'key'), plural(recipients.length, 'recipient')];
  return `is encrypted for ${sealed}, and lab.yaml names ${named}; run steward secrets rekey`;
}

function sopsFault({ recipients }: Checkout, file: string, bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    const { age } = formatOf(file) === 'sops-yaml' ? parseSopsYaml(text) : parseSopsDotenv(text);
    const present = new Set(age.map(({ recipient }) => recipient));
    const same = present.size === recipients.length && recipients.every((each) => present.has(each));
    return same ? null : 'is not encrypted for the recipients of lab.yaml; run sops updatekeys';
  } catch (error) {
    return (error as Error).message;
  }
}
