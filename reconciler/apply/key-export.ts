import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import { allDone } from '../../tools/all-done.ts';
import type { RepositoryListing } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { hasKey } from '../../tools/borg/keys.ts';
import { digest } from '../../tools/digest.ts';
import type { KnownRepository } from '../backup/step-parts.ts';
import { repositoryLock } from '../state/lock.ts';
import { borg, listingOfKnown } from './borg.ts';
import { type KeyForms, proveKey } from './key-proof.ts';
import { type Written, writePrivate } from './private-file.ts';

export interface KeyOptions extends BorgOptions {
  /** Keys are tried out in `keys` below it, in memory: /run/steward. */
  runDir: string;
}

export interface ExportedKey {
  /** The repository as it was just read. */
  listing: RepositoryListing;
  /** SHA-256 of the key file; null: the repository is not encrypted, and has none. */
  fingerprint: string | null;
  files: { path: string; written: Written }[];
}

/**
 * Writes the key of a repository into `folder`, as a file and as what is printed, and only after each has been proven
 * to open it: one that does not takes the place of nothing. For who holds Steward's lock of the repository. The
 * repository itself is only read; one that has taken the place of the `known` one is refused. Throws StepError.
 */
export async function exportKey(
  repository: RepositoryRef,
  known: KnownRepository | undefined,
  folder: string,
  options: KeyOptions,
): Promise<ExportedKey> {
  const listing = await listingOfKnown(repository, known, options);
  const { id, encryption } = listing;
  if (!hasKey(encryption)) return { listing, fingerprint: null, files: [] };
  const forms = await inScratch(repository, options, async (scratch) => {
    const exported = await formsOf(repository, scratch, options);
    await proveKey({ repository, listing, forms: exported, scratch }, options);
    return exported;
  });
  const files: ExportedKey['files'] = [];
  for (const [file, text] of filesOf(repository, id, forms))
    files.push({ path: path.join(folder, file), written: await writePrivate(path.join(folder, file), text) });
  return { listing, fingerprint: digest(forms.file), files };
}

async function formsOf(repository: RepositoryRef, scratch: string, options: BorgOptions): Promise<KeyForms> {
  const [file, paper] = [path.join(scratch, 'key'), path.join(scratch, 'paper')];
  await allDone([
    borg(['key', 'export', repository.location, file], repository, options),
    borg(['key', 'export', '--paper', repository.location, paper], repository, options),
  ]);
  return { file: await readFile(file, 'utf8'), paper: await readFile(paper, 'utf8') };
}

/** A folder in memory, gone afterwards. What a run that was killed has left is removed by the next. */
async function inScratch<T>(
  { location }: RepositoryRef,
  { runDir }: KeyOptions,
  action: (scratch: string) => Promise<T>,
): Promise<T> {
  const scratch = path.join(runDir, 'keys', repositoryLock(location));
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  try {
    return await action(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The id is in the names: the key of a repository that is made anew must not take the place of the old one's. */
function filesOf({ location }: RepositoryRef, id: string, { file, paper }: KeyForms): [string, string][] {
  const name = (location.split('/').pop() ?? '').replace(/[^A-Za-z0-9._-]/g, '_');
  const stem = `${name}-${id.slice(0, 8)}`;
  return [
    [`${stem}.key`, file],
    // A printed sheet does not say what its file was called.
    [`${stem}.paper.txt`, `Borg repository ${location}\n${paper}`],
  ];
}
