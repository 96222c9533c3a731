import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { learn, recordListing } from '../../../reconciler/backup/record.ts';
import { writeArchive } from '../../../reconciler/state/archives.ts';
import { readBackups } from '../../../reconciler/state/backups.ts';
import { openStore, type Store } from '../../../reconciler/state/store.ts';
import { systemClock } from '../../../tools/clock.ts';
import { createStep, reference, archive as stats } from '../../apply/backup-fixtures.ts';

/** Since when the data of an archive is, by what is known of it. */

const { location } = reference;
const name = 'photo-2026-11-28T02:30:00Z';
const tickMs = Date.parse('2026-11-28T02:30:00Z');
const [takenMs, startMs] = [tickMs + 40_000_123, tickMs + 41_000_000];
const listing = { id: 'first', encryption: 'none', checkpoints: [] };

let store: Store;

beforeEach(() => {
  store = openStore(mkdtempSync(path.join(tmpdir(), 'listed-')));
  return () => store.close();
});

const known = () => readBackups(store).archives.get(location)?.[0]?.atMs;
const list = () =>
  recordListing(store, reference, { ...listing, archives: [{ name, id: 'a', atMs: startMs }] }, 1);
const made = (over: object) =>
  learn(store, systemClock, createStep(reference), { archive: stats({ name, id: 'a', ...over }) }, takenMs);

it('that of its snapshot, which stays when Borg says when it began to read', () => {
  made({ startMs });
  expect(known()).toBe(takenMs);
  list();
  expect(known()).toBe(takenMs);
});

it('of an earlier attempt Borg’s own, since the snapshot of now is another', () => {
  made({ startMs: takenMs - 5_000 });
  expect(known()).toBe(takenMs - 5_000);
});

it('Borg’s own where the state has that of the name, as states of before do', () => {
  const before = { name, id: 'a', atMs: tickMs, clean: true, files: 7, originalBytes: 8, byHand: null };
  writeArchive(store, location, before);
  list();
  expect(known()).toBe(startMs);
  expect(readBackups(store).archives.get(location)).toMatchObject([{ clean: true, files: 7 }]);
});
