import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type RepositoryFiles, repositoryFiles } from '../../desired-state/files.ts';
import { readLab } from '../../desired-state/lab.ts';
import { place } from '../../desired-state/problems.ts';
import { encryptAge } from '../../tools/secrets/age.ts';
import { type SecretBox, secretBox } from '../../tools/secrets/box.ts';
import { nearest, UserError } from '../errors.ts';
import { readIdentity } from '../settings.ts';

export interface SecretsFlags {
  repository: string;
  identity?: string;
  config?: string;
}

/** The config repository of a person, committed or not, and the key that opens what is encrypted in it. */
export interface Checkout {
  root: string;
  files: RepositoryFiles;
  recipients: string[];
  identity: string;
  box: SecretBox;
}

/** Throws UserError where there is none, or its lab.yaml cannot be read. */
export async function openCheckout(flags: SecretsFlags): Promise<Checkout> {
  const root = resolve(flags.repository);
  if (!existsSync(join(root, 'lab.yaml')))
    throw new UserError(
      `${root} has no lab.yaml: it is not a config repository (--repository names another)`,
    );
  const files = repositoryFiles(root);
  const { lab, problems } = await readLab(files);
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (wrong !== undefined) throw new UserError(`${place(wrong)} ${wrong.message}`);
  const identity = identityOf(flags);
  return { root, files, recipients: lab.secrets?.recipients ?? [], identity, box: secretBox(identity) };
}

export function identityOf({ identity, config }: Pick<SecretsFlags, 'identity' | 'config'>): string {
  return identity === undefined ? readIdentity(config === undefined ? {} : { config }) : resolve(identity);
}

/** Folders of services/ that hold what `file` is called. */
export function servicesWith({ files }: Checkout, file: string): string[] {
  return serviceNames(files).filter((name) => files.state(`services/${name}/${file}`) === 'file');
}

function serviceNames(files: RepositoryFiles): string[] {
  return files.list('services').flatMap(({ name, directory }) => (directory ? [name] : []));
}

/** Throws UserError for a name that is no folder of services/. */
export function requireService({ files }: Checkout, name: string): void {
  const names = serviceNames(files);
  if (!names.includes(name)) throw new UserError(`there is no services/${name}${nearest(name, names)}`);
}

/** Before a person writes what could not be kept. Throws UserError or SecretError. */
export async function requireRecipients({ recipients }: Checkout): Promise<void> {
  if (recipients.length === 0)
    throw new UserError(
      'lab.yaml names no recipients: `steward secrets keygen` makes a key; write its recipient as secrets: { recipients: [age1…] }',
    );
  await encryptAge('', recipients);
}

/** Whole or not at all; what is on the disk meanwhile is encrypted already. Throws UserError or SecretError. */
export async function writeEncrypted(checkout: Checkout, file: string, text: string): Promise<void> {
  await requireRecipients(checkout);
  const target = join(checkout.root, file);
  const partial = `${target}.partial`;
  try {
    await writeFile(partial, await encryptAge(text, checkout.recipients), { flush: true });
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
}
