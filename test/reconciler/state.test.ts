import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastCycle, recordCycle } from '../../reconciler/state/cycles.ts';
import { readHistory } from '../../reconciler/state/history.ts';
import {
  forget,
  newServiceRecord,
  readInventory,
  writeEntries,
  writeServices,
} from '../../reconciler/state/inventory.ts';
import { announce, discharge, settle } from '../../reconciler/state/journal.ts';
import { holderOf, readHolder, takeLock } from '../../reconciler/state/lock.ts';
import { readRuns } from '../../reconciler/state/runs.ts';
import { openStore, StateError, transaction } from '../../reconciler/state/store.ts';
import { readUndo } from '../../reconciler/state/undo.ts';
import { run } from '../../tools/run.ts';
import * as build from '../support/build.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'steward-state-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('state.db', () => {
  it('is for its owner only', () => {
    openStore(dir).close();
    expect(statSync(join(dir, 'state.db')).mode & 0o777).toBe(0o600);
  });

  it('keeps what was written through a second opening', () => {
    const first = openStore(dir);
    const { id, kind, name, service } = build.dataset();
    const data = { guid: '1' };
    writeEntries(
      first,
      [{ id, kind, name, service, ownedSince: 'a', appliedCommit: 'b', orphanedSince: null, data }],
      [],
    );
    first.close();
    const second = openStore(dir);
    expect(readInventory(second).entries.get(id)).toMatchObject({ data: { guid: '1' }, appliedCommit: 'b' });
    expect(forget(second, id)).toBe(true);
    expect(forget(second, id)).toBe(false);
    second.close();
  });

  it('takes several records in one transaction, all or none of them', () => {
    const store = openStore(dir);
    const write = (name: string) => writeServices(store, [newServiceRecord(name)]);
    const broken = () =>
      transaction(store, () => {
        write('one');
        throw new StateError('the disk is full');
      });
    expect(broken).toThrow('the disk is full');
    expect(readInventory(store).services.size).toBe(0);
    transaction(store, () => {
      write('one');
      write('two');
    });
    expect([...readInventory(store).services.keys()]).toEqual(['one', 'two']);
    store.close();
  });

  it.each([
    [
      'text',
      (path: string) => writeFileSync(path, 'this is not a database, not at all, by no means whatsoever'),
    ],
    ['half of itself', (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2))],
    ['random bytes in the middle', (path: string) => scribble(path)],
  ])('that is damaged (%s) is refused with one sentence', (_name, damage) => {
    openStore(dir).close();
    damage(join(dir, 'state.db'));
    expect(() => openStore(dir)).toThrow(StateError);
    expect(() => openStore(dir)).toThrow(/damaged|cannot be used/);
  });

  it('that is new can be opened by several at once', async () => {
    const opener = fileURLToPath(new URL('../support/open-at.ts', import.meta.url));
    // A moment that all of them have started by, so that they meet.
    const at = String(Date.now() + 1_500);
    const all = [1, 2, 3, 4, 5].map(() => run(process.execPath, [opener, dir, at]));
    for (const { exitCode, stderr } of await Promise.all(all))
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('of an older Steward keeps its runs; of one that was cut off nobody knows how long it was down', () => {
    const older = openStore(dir);
    older.db.exec(`ALTER TABLE recoveries DROP COLUMN damaged;
      ALTER TABLE recoveries DROP COLUMN left_ms;
      ALTER TABLE repositories DROP COLUMN checkpoints;
      ALTER TABLE probes DROP COLUMN certificate_begins_ms;
      ALTER TABLE backups DROP COLUMN stops;
      ALTER TABLE backups DROP COLUMN last_stop_ms;
      DROP TABLE progress;
      DROP TABLE schedules;
      DROP TABLE declared_backups;
      DROP TABLE uncovered;
      DROP TABLE unproven_probes;
      DROP TABLE made_by_hand;
      DROP TABLE runs;
      CREATE TABLE runs (
        seq INTEGER PRIMARY KEY, service TEXT NOT NULL, at_ms INTEGER NOT NULL, result TEXT NOT NULL, error TEXT,
        duration_ms INTEGER NOT NULL, downtime_ms INTEGER NOT NULL, archive TEXT, facts TEXT, notes TEXT NOT NULL,
        what TEXT NOT NULL DEFAULT 'archive') STRICT;
      CREATE INDEX runs_by_service ON runs (service, seq);
      INSERT INTO runs VALUES
        (7, 'photo', 1, 'done', NULL, 9, 5, 'a', NULL, '[]', 'archive'),
        (8, 'photo', 2, 'interrupted', 'cut', 9, 0, NULL, NULL, '[]', 'drill');
      PRAGMA user_version = 7;`);
    older.close();
    const store = openStore(dir);
    expect(readRuns(store, null, 10)).toMatchObject([
      { atMs: 1, result: 'done', downtimeMs: 5, archive: 'a', what: 'archive' },
      { atMs: 2, result: 'interrupted', downtimeMs: null, archive: null, what: 'drill' },
    ]);
    store.close();
  });

  it('of an older Steward keeps what is to be put right, and takes what that one still writes', () => {
    const older = openStore(dir);
    older.db.exec(`ALTER TABLE recoveries DROP COLUMN damaged;
      ALTER TABLE recoveries DROP COLUMN left_ms;
      DROP TABLE schedules;
      DROP TABLE declared_backups;
      DROP TABLE uncovered;
      DROP TABLE unproven_probes;
      DROP TABLE made_by_hand;
      DROP TABLE undo;
      CREATE TABLE undo (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, lock_name TEXT NOT NULL, change_id TEXT NOT NULL,
        position INTEGER NOT NULL, step TEXT NOT NULL, error TEXT, UNIQUE (change_id, position)) STRICT;
      INSERT INTO undo VALUES
        (3, 1, 'a', 'backup:photo', 4, '{"op":"scratch-destroy"}', 'it is busy'),
        (5, 2, 'a', 'backup:photo/restore', -1, '{"op":"zfs-rollback"}', NULL);
      PRAGMA user_version = 11;`);
    older.close();
    const store = openStore(dir);
    store.db.exec(`INSERT OR REPLACE INTO undo (at_ms, lock_name, change_id, position, step)
      VALUES (3, 'a', 'backup:photo', 1, '{"op":"drill-stop"}')`);
    const found = { lockName: 'a', run: '', error: null };
    expect(readUndo(store)).toEqual([
      { ...found, atMs: 3, changeId: 'backup:photo', position: 1, step: { op: 'drill-stop' } },
      {
        ...{ ...found, atMs: 1, changeId: 'backup:photo', position: 4, step: { op: 'scratch-destroy' } },
        error: 'it is busy',
      },
      { ...found, atMs: 2, changeId: 'backup:photo/restore', position: -1, step: { op: 'zfs-rollback' } },
    ]);
    expect([...readInventory(store).restoring.keys()]).toEqual(['photo']);
    store.close();
  });

  it('of a newer Steward is refused', () => {
    const store = openStore(dir);
    store.db.exec('PRAGMA user_version = 99');
    store.close();
    expect(() => openStore(dir)).toThrow('newer Steward');
  });

  it('in a place that cannot be written is a StateError that names the file', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => openStore(join(dir, 'file'))).toThrow(/file\/state\.db cannot be used/);
  });
});

function scribble(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0xab, 4096, bytes.length);
  writeFileSync(path, bytes);
}

describe('the journal', () => {
  it('turns a broken-off change into a line of its history, once, and does not blame the service', () => {
    const store = openStore(dir);
    const change = build.change('compose-stack:photo', { reasons: [{ field: 'image', from: '1', to: '2' }] });
    writeServices(store, [{ ...newServiceRecord('photo'), attempts: 1, lastFailed: true }]);
    announce(store, change, 0, build.commit.id, 5);
    announce(store, change, 1, build.commit.id, 6);
    expect(settle(store)).toEqual(['compose-stack:photo']);
    expect(settle(store)).toEqual([]);
    expect(readHistory(store, 'photo')).toMatchObject([
      {
        result: 'interrupted',
        error: 'Steward ended in the middle of step 2',
        reasons: [{ field: 'image' }],
      },
    ]);
    expect(readInventory(store).services.get('photo')).toMatchObject({ lastFailed: false, attempts: 1 });
    store.close();
  });

  it('is empty after a change was discharged', () => {
    const store = openStore(dir);
    const change = build.change('docker-network:a');
    announce(store, change, 0, 'c1', 5);
    const { id, verb, reasons } = change;
    discharge(store, {
      id,
      verb,
      reasons,
      atMs: 7,
      commit: 'c1',
      result: 'applied',
      error: null,
      durationMs: 2,
    });
    expect(settle(store)).toEqual([]);
    expect(readHistory(store, 'docker-network:a')).toHaveLength(1);
    store.close();
  });

  it('keeps the last 200 lines of a resource', () => {
    const store = openStore(dir);
    const line = {
      id: 'group:g',
      verb: 'create',
      commit: 'c',
      result: 'applied' as const,
      error: null,
      durationMs: 1,
      reasons: [],
    };
    for (let atMs = 0; atMs < 205; atMs += 1) discharge(store, { ...line, atMs });
    expect(readHistory(store, 'group:g').map((entry) => entry.atMs)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 5),
    );
    store.close();
  });
});

describe('cycles', () => {
  it('that find nothing new replace the one before', () => {
    const store = openStore(dir);
    const row = { commit: 'c1', result: 'converged', durationMs: 3, detail: {} };
    recordCycle(store, { ...row, atMs: 1 });
    recordCycle(store, { ...row, atMs: 2 });
    expect(lastCycle(store)?.atMs).toBe(2);
    expect(store.db.prepare('SELECT count(*) AS n FROM cycles').get()).toEqual({ n: 1 });
    store.close();
  });
});

describe('the lock', () => {
  it('is had by one at a time, who is named', () => {
    const first = takeLock(dir, { command: 'reconcile', sinceMs: 1 }, 0);
    const second = takeLock(dir, { command: 'plan', sinceMs: 2 }, 0);
    expect(second).toEqual({ ok: false, holder: { pid: process.pid, command: 'reconcile', sinceMs: 1 } });
    if (first.ok) first.lock.release();
    const third = takeLock(dir, { command: 'plan', sinceMs: 3 }, 0);
    expect(third.ok).toBe(true);
    if (third.ok) third.lock.release();
  });

  it('can be looked at without being taken', () => {
    expect(holderOf(dir)).toBeNull();
    const first = takeLock(dir, { command: 'reconcile', sinceMs: 1 }, 0);
    expect(holderOf(dir)).toMatchObject({ command: 'reconcile', pid: process.pid });
    if (first.ok) first.lock.release();
    expect(holderOf(dir)).toBeNull();
    expect(readHolder(dir)?.command).toBe('reconcile');
  });

  it('is free again when its holder could not be written down', () => {
    mkdirSync(join(dir, 'lock-holder.json'));
    expect(() => takeLock(dir, { command: 'reconcile', sinceMs: 1 }, 0)).toThrow(StateError);
    rmSync(join(dir, 'lock-holder.json'), { recursive: true });
    const next = takeLock(dir, { command: 'reconcile', sinceMs: 2 }, 0);
    expect(next.ok).toBe(true);
    if (next.ok) next.lock.release();
  });

  it('goes with its process, however that ends', async () => {
    const code = `const { takeLock } = await import('${new URL('../../reconciler/state/lock.ts', import.meta.url)}');
      // Held on to: a lock that nobody refers to goes with the garbage.
      globalThis.held = takeLock(${JSON.stringify(dir)}, { command: 'other', sinceMs: 1 }, 0); console.log(globalThis.held.ok); setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => other.stdout.once('data', resolve));
    expect(takeLock(dir, { command: 'me', sinceMs: 2 }, 0).ok).toBe(false);
    expect(readHolder(dir)).toMatchObject({ pid: other.pid, command: 'other' });
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await ended;
    const mine = takeLock(dir, { command: 'me', sinceMs: 3 }, 0);
    expect(mine.ok).toBe(true);
    if (mine.ok) mine.lock.release();
  });
});
