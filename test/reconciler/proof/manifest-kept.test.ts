import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { listingFile } from '../../../reconciler/proof/listing.ts';
import { removeArchives, writeArchive } from '../../../reconciler/state/archives.ts';
import { forgetRepository, writeListing } from '../../../reconciler/state/backups.ts';
import { readProofs, writeManifest } from '../../../reconciler/state/proofs.ts';
import { openStore, type Store } from '../../../reconciler/state/store.ts';

const location = '/backup/photo';
const archive = { name: 'photo-2026-11-23T02:30:00Z', id: 'a1', atMs: 5 };
const repository = {
  location,
  borgId: 'r',
  encryption: 'none',
  listedMs: 0,
  inDoubt: false,
  checkpoints: [],
};

let store: Store;
let list: string;

beforeEach(() => {
  const folder = mkdtempSync(path.join(tmpdir(), 'manifest-'));
  store = openStore(folder);
  list = listingFile(folder, location);
  mkdirSync(path.dirname(list));
  writeFileSync(list, '');
  writeArchive(store, location, { ...archive, byHand: null, clean: true, files: 1, originalBytes: 1 });
  writeArchive(store, location, {
    ...archive,
    name: 'older',
    byHand: null,
    clean: true,
    files: 1,
    originalBytes: 1,
  });
  writeManifest(store, location, { archive: archive.name, entries: 1, bytes: 1, listing: 'x', sample: [] });
  return () => store.close();
});

const kept = () => [readProofs(store).manifests.get(location)?.archive ?? null, existsSync(list)];

it.each<[string, () => void]>([
  ['is deleted, by prune or by hand', () => removeArchives(store, location, [archive.name])],
  ['is not listed any more', () => writeListing(store, repository, [])],
  ['is another one of the same name', () => writeListing(store, repository, [{ ...archive, id: 'a2' }])],
  ['is of a repository that is forgotten', () => forgetRepository(store, location, 'photo')],
])('a manifest goes with its archive, and its list too: one that %s', (_what, act) => {
  act();
  expect(kept()).toEqual([null, false]);
});

it.each<[string, () => void]>([
  ['another archive is deleted', () => removeArchives(store, location, ['older'])],
  ['its archive is listed again', () => writeListing(store, repository, [archive])],
  ['another repository is forgotten', () => forgetRepository(store, '/backup/other', 'other')],
])('it stays where %s', (_what, act) => {
  act();
  expect(kept()).toEqual([archive.name, true]);
});
