import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import { allDone } from '../../tools/all-done.ts';
import { parseListing, type RepositoryListing } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { configWithId, manifestId, paperLines } from '../../tools/borg/keys.ts';
import { borg, codeOf, read } from './borg.ts';
import { StepError } from './types.ts';

/**
 * Whether an exported key opens its repository, without touching that: a scratch repository is made that has its id,
 * its list of archives as it is there, encrypted, and no key. The exported key is imported there, and Borg is asked to
 * read the list. It does so only with the right passphrase and the whole of the right key: the list is encrypted and
 * signed with all parts of it. See docs/decisions/0017.
 */

/** A key as a file, and as what is printed. */
export interface KeyForms {
  file: string;
  paper: string;
}

export interface KeyProof {
  repository: RepositoryRef;
  /** As the repository itself was just read. */
  listing: RepositoryListing;
  forms: KeyForms;
  /** Nobody else's, and empty. */
  scratch: string;
}

/** Throws StepError, naming the form that does not open it. */
export async function proveKey(proof: KeyProof, options: BorgOptions): Promise<void> {
  const template = await keyless(proof, options);
  await allDone([proveForm(proof, template, 'file', options), proveForm(proof, template, 'paper', options)]);
}

/** The scratch repository without a key. */
async function keyless({ repository, listing, scratch }: KeyProof, options: BorgOptions): Promise<string> {
  const folder = path.join(scratch, 'template');
  const manifest = path.join(scratch, 'manifest');
  const plain = scratchRef(repository, folder, 'none');
  const alone = { ...options, stateDir: folder };
  await mkdir(folder, { mode: 0o700 });
  await allDone([
    borg(['debug', 'get-obj', repository.location, manifestId, manifest], repository, options),
    borg(['init', '-e', 'none', plain.location], plain, alone),
  ]);
  const config = path.join(plain.location, 'config');
  await writeFile(config, configWithId(await readFile(config, 'utf8'), listing.id));
  await borg(['debug', 'put-obj', plain.location, manifestId, manifest], plain, alone);
  return plain.location;
}

async function proveForm(
  { repository, listing, forms, scratch }: KeyProof,
  template: string,
  form: keyof KeyForms,
  options: BorgOptions,
): Promise<void> {
  const folder = path.join(scratch, `opened-by-${form}`);
  const copy = scratchRef(repository, folder, listing.encryption);
  let found: RepositoryListing;
  await mkdir(path.join(folder, 'keys'), { recursive: true, mode: 0o700 });
  await cp(template, copy.location, { recursive: true });
  const alone = { ...options, stateDir: folder };
  try {
    await importForm(copy, folder, form, forms, alone);
    const { stdout } = await borg(['list', '--json', copy.location], copy, alone);
    found = read(stdout, copy, parseListing);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new StepError(sentence(repository, copy, form, error), { cause: error });
  }
  requireSame(found, listing, repository.location);
}

/** Borg takes the paper form from a person alone; for what it prints meanwhile nobody waits. */
async function importForm(
  copy: RepositoryRef,
  folder: string,
  form: keyof KeyForms,
  forms: KeyForms,
  options: BorgOptions,
): Promise<void> {
  const source = path.join(folder, 'exported');
  await writeFile(source, form === 'file' ? forms.file : paperLines(forms.paper), { mode: 0o600 });
  if (form === 'file') await borg(['key', 'import', copy.location, source], copy, options);
  else
    await borg(['key', 'import', '--paper', copy.location], copy, {
      ...options,
      onLine: () => {},
      wrap: (argv) => reading(source, argv),
    });
}

function reading(file: string, argv: string[]): string[] {
  return ['sh', '-c', 'file=$1; shift; exec "$@" < "$file"', 'sh', file, ...argv];
}

/** Local, with a folder of its own for key files. */
function scratchRef(repository: RepositoryRef, folder: string, encryption: string): RepositoryRef {
  const own = { location: path.join(folder, 'repository'), keysDirectory: path.join(folder, 'keys') };
  return { ...repository, ...own, encryption, identity: null, knownHosts: null };
}

function requireSame(read: RepositoryListing, wanted: RepositoryListing, location: string): void {
  const ids = ({ archives }: RepositoryListing) => archives.map(({ id }) => id).join(' ');
  if (ids(read) !== ids(wanted))
    throw new StepError(`somebody wrote to ${location} meanwhile; run it again`, { retryable: true });
}

const names: Record<keyof KeyForms, string> = { file: 'key file', paper: 'paper key' };

/** 52: wrong passphrase, or not what was encrypted with it. 40, 42 to 45: not taken for a key of this repository. */
function sentence(
  repository: RepositoryRef,
  copy: RepositoryRef,
  form: keyof KeyForms,
  error: StepError,
): string {
  const { location, passphraseFile } = repository;
  const head = `the exported ${names[form]} does not open ${location}`;
  const code = codeOf(error);
  if (code === 52) return `${head}: it is damaged, or its passphrase is not the one in ${passphraseFile}`;
  if (code === 45 || code === 41) return `${head}: it is that of another repository`;
  if (code !== null && code >= 40 && code <= 44) return `${head}: it is damaged`;
  return `${head}: ${error.message.replaceAll(copy.location, location)}`;
}
