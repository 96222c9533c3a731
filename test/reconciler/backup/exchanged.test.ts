import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { learn, recordListing } from '../../../reconciler/backup/record.ts';
import { forgetRepository, readBackups } from '../../../reconciler/state/backups.ts';
import { openStore, type Store } from '../../../reconciler/state/store.ts';
import { systemClock } from '../../../tools/clock.ts';
import { reference } from '../../apply/backup-fixtures.ts';

/** Whoever has read another repository in the place of the known one, and by whatever step. */

const { location } = reference;
const archive = { name: 'photo-2026-11-23T02:30:00Z', id: 'a1', atMs: 5 };
const read = { id: 'first', encryption: 'repokey-blake2', archives: [archive], checkpoints: [] };
const other = { ...read, id: 'another', archives: [] };

let store: Store;

beforeEach(() => {
  store = openStore(mkdtempSync(path.join(tmpdir(), 'exchanged-')));
  recordListing(store, reference, read, 1);
  return () => store.close();
});

const kept = () => {
  const { repositories, archives } = readBackups(store);
  const { borgId, listedMs, inDoubt } = repositories.get(location) ?? {};
  return { borgId, listedMs, inDoubt, archives: archives.get(location)?.map(({ name }) => name) };
};

describe('of a repository that has taken the place of the known one nothing is recorded', () => {
  it.each<[string, () => void]>([
    ['by who looks', () => recordListing(store, reference, other, 2)],
    [
      'by a step that opens it',
      () => learn(store, systemClock, { op: 'borg-init', repository: reference }, { repository: other }),
    ],
  ])('%s', (_by, act) => {
    expect(act).toThrow(
      expect.objectContaining({
        ...{ name: 'StepError', isLost: true },
        message: expect.stringContaining(`${location} is not the one that was there before`),
      }),
    );
    expect(kept()).toEqual({ borgId: 'first', listedMs: 1, inDoubt: true, archives: [archive.name] });
  });
});

it('the same one is read again, and doubts are over', () => {
  recordListing(store, reference, { ...read, archives: [] }, 2);
  expect(kept()).toEqual({ borgId: 'first', listedMs: 2, inDoubt: false, archives: undefined });
});

it('once the known one is forgotten, the other is as good as any', () => {
  forgetRepository(store, location, 'photo');
  recordListing(store, reference, other, 2);
  expect(kept()).toMatchObject({ borgId: 'another', inDoubt: false });
});
