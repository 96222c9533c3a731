import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { knownBefore } from '../../cli/keep.ts';
import { recordCycle } from '../../reconciler/state/cycles.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';

/** What the metrics begin with after a restart: ages go on. */

let store: Store;

beforeEach(() => {
  store = openStore(mkdtempSync(path.join(tmpdir(), 'known-before-')));
  return () => store.close();
});

const away = { repositoryError: 'nobody answers there', refused: null };
const cycle = (atMs: number, detail: object) =>
  recordCycle(store, { atMs, commit: null, result: 'converged', durationMs: 1, detail });

it('the last answer of the remote is known, however long it has been away since', () => {
  cycle(1, { repositoryError: null, refused: null });
  cycle(2, away);
  cycle(3, { ...away, repositoryError: 'the connection was refused' });
  expect(knownBefore(store)).toMatchObject({ fetchedAt: 1, cycleAt: 3, refused: false });
});

it('that a commit was refused is an answer, too', () => {
  cycle(1, { repositoryError: 'not signed', refused: { id: 'a', subject: 'b' } });
  expect(knownBefore(store)).toMatchObject({ fetchedAt: 1, refused: true });
  cycle(2, away);
  expect(knownBefore(store)).toMatchObject({ fetchedAt: 1, refused: false });
});

it('there is none where it has never answered', () => {
  expect(knownBefore(store).fetchedAt).toBeNull();
  cycle(1, away);
  expect(knownBefore(store).fetchedAt).toBeNull();
});
