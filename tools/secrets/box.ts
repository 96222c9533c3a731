import { readFile } from 'node:fs/promises';
import { decryptAge, type NotOpened } from './age.ts';
import { dotenvText, sopsDotenvText } from './dotenv-text.ts';
import { SecretError } from './error.ts';
import { formatOf } from './format.ts';
import { identityState, readIdentity } from './identity.ts';
import { decryptSops } from './sops.ts';
import { parseSopsDotenv, parseSopsYaml } from './sops-file.ts';

/** Opens encrypted files with the identity of this host. What comes out is in memory only. */
export interface SecretBox {
  /** Changes when the identity does. */
  state(): string;
  /** The text of an environment file. `name` is how people know the file. Throws SecretError without any value. */
  open(name: string, bytes: Uint8Array): Promise<string>;
}

export function secretBox(identityFile: string): SecretBox {
  return {
    state: () => identityState(identityFile),
    open: async (name, bytes) => opened(name, bytes, identityFile, await readIdentity(identityFile)),
  };
}

/** A host, or a laptop, that opens nothing. */
export const closedBox: SecretBox = {
  state: () => 'closed',
  open: (name) => Promise.reject(new SecretError(`${name} is encrypted, and nothing is opened here`)),
};

async function opened(name: string, bytes: Uint8Array, identity: string, keys: string[]): Promise<string> {
  if (formatOf(name) === 'age') {
    const result = await decryptAge(bytes, keys);
    if (result.ok) return Buffer.from(result.bytes).toString('utf8');
    throw notOpened(name, identity, result.why);
  }
  const result = await sops(name, bytes, keys);
  if (!result.ok) throw notOpened(name, identity, result.why);
  return formatOf(name) === 'sops-yaml' ? dotenvText(result.values) : sopsDotenvText(result.values);
}

async function sops(name: string, bytes: Uint8Array, keys: string[]): ReturnType<typeof decryptSops> {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    const file = formatOf(name) === 'sops-yaml' ? parseSopsYaml(text) : parseSopsDotenv(text);
    return await decryptSops(file, keys);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw new SecretError(`${name} ${error.message}`);
  }
}

function notOpened(name: string, identity: string, why: NotOpened): SecretError {
  const isAge = formatOf(name) === 'age';
  if (why === 'no-recipient') {
    const cure = isAge
      ? 'run `steward secrets rekey` where one of them is'
      : 'run `sops updatekeys` where one of them is';
    return new SecretError(`the identity ${identity} is not among the recipients of ${name}; ${cure}`);
  }
  const whole = isAge ? 'is no whole age file' : 'was changed after SOPS wrote it';
  return new SecretError(`${name} ${whole}; take it again from where it was right, such as Git's history`);
}

/** The same for files as they can be read now. */
export async function openFile(box: SecretBox, file: string, name = file): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new SecretError(`${name} cannot be read (${cause.code ?? 'unknown'})`);
  });
  return box.open(name, bytes);
}
