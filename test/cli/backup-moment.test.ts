import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { archiveMomentMs } from '../../cli/backup-moment.ts';
import { writeArchive } from '../../reconciler/state/archives.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import type { Clock } from '../../tools/clock.ts';

const second = Date.UTC(2026, 10, 23, 10);

let store: Store;
beforeEach(() => {
  store = openStore(mkdtempSync(join(tmpdir(), 'steward-moment-')));
});
afterEach(() => store.close());

/** Sleeping takes no time: it moves the clock. */
function clockAt(nowMs: number): Clock {
  let now = nowMs;
  const sleep = async (ms: number) => {
    now += ms;
  };
  return { now: () => now, monotonic: () => now, sleep };
}

it('is the second that it is', async () => {
  expect(await archiveMomentMs(store, clockAt(second + 300))).toBe(second);
});

it.each([
  ['the next one', 'photo-2026-11-23T10:00:00Z', second + 1000],
  ['this one', 'photo-2026-11-23T09:59:59Z', second],
])('is %s where there is an archive of its own or of another one: %s', async (_which, name, expected) => {
  const facts = { byHand: null, clean: true, files: 1, originalBytes: 1 };
  writeArchive(store, '/backup/photo', { name, id: 'a', atMs: second, ...facts });
  expect(await archiveMomentMs(store, clockAt(second + 300))).toBe(expected);
});
