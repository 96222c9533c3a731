import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from '../../reconciler/apply/types.ts';
import { type SettleDeps, settleRuns } from '../../reconciler/settle-undo.ts';
import { newBackupRecord, readBackup, writeBackupRecord } from '../../reconciler/state/backups.ts';
import { beginProof, endProof, readRuns, recordRun } from '../../reconciler/state/runs.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { dropUndo, failUndo, readUndo, type Undo, writeUndo } from '../../reconciler/state/undo.ts';
import type { Step } from '../../reconciler/types.ts';

let dir = '';
let store: Store;
/** Steps that were carried out, as `op subject`. */
let ran: string[] = [];
/** What else happens while one of them goes on; what it throws, the step does. */
let meanwhile: (what: string) => void = () => {};
/** Locks of runs that live. */
const alive = new Set<string>();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'steward-settle-'));
  store = openStore(dir);
  ran = [];
  meanwhile = () => {};
  alive.clear();
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

const destroy = (name: string): Step => ({ op: 'zfs-destroy-snapshots', snapshots: [name], run: name });
const rollback = (name: string): Step => ({ op: 'zfs-rollback', snapshots: [name], run: name });
const start = (name: string): Step => ({
  op: 'containers-start',
  containers: [{ id: name, name, needs: [] }],
});
const hook = (container: string): Step => ({
  op: 'container-exec',
  id: container,
  name: container,
  argv: ['go-on'],
  timeoutSeconds: 60,
});

function subject(step: Step): string {
  if ('snapshots' in step) return step.snapshots.join();
  if ('containers' in step) return step.containers.map(({ name }) => name).join();
  return 'name' in step ? step.name : '';
}

const executor: Executor = {
  async execute(step) {
    const what = `${step.op} ${subject(step)}`;
    meanwhile(what);
    ran.push(what);
  },
};

function settle() {
  const tryLock: SettleDeps['tryLock'] = (name) => (alive.has(name) ? null : { release() {} });
  return settleRuns({ store, executor, nowMs: 1_000, tryLock });
}

/** What a run has left, by position. */
function leave(run: string, steps: Record<number, Step>, over: Partial<Undo> = {}): void {
  const own = { atMs: 1, lockName: 'photo', changeId: 'backup:photo', run, ...over };
  writeUndo(
    store,
    Object.entries(steps).map(([position, step]) => ({ ...own, position: Number(position), step })),
  );
}

const fails = (...which: string[]) => {
  meanwhile = (what) => {
    if (which.includes(what)) throw new Error(`${what}: not now`);
  };
};

describe('what two runs of one change have left', () => {
  it('is put right for the newer one first, and of each in its own order', async () => {
    leave('a', { 2: start('old'), 4: destroy('old') });
    leave('b', { 2: start('new'), 4: destroy('new') });
    await settle();
    expect(ran).toEqual([
      'containers-start new',
      'zfs-destroy-snapshots new',
      'containers-start old',
      'zfs-destroy-snapshots old',
    ]);
    expect(readUndo(store)).toEqual([]);
  });

  it('is each put right by itself: what one cannot start keeps the other from no hook', async () => {
    leave('a', { 2: start('foreign') });
    leave('b', { 2: start('db'), 3: hook('db') });
    fails('containers-start foreign');
    await settle();
    expect(ran).toEqual(['containers-start db', 'container-exec db']);
    expect(readUndo(store)).toMatchObject([{ run: 'a', error: 'containers-start foreign: not now' }]);
  });

  it('waits for the data of the newer one: nothing writes to what is not back', async () => {
    const changeId = 'backup:photo/restore';
    leave('a', { 5: start('foreign') }, { changeId });
    failUndo(store, { changeId, run: 'a' }, 5, 'it could not be started');
    leave('b', { [-2]: rollback('data'), [-1]: start('db') }, { changeId });
    fails('zfs-rollback data');
    await settle();
    expect(ran).toEqual([]);
    meanwhile = () => {};
    await settle();
    expect(ran).toEqual(['zfs-rollback data', 'containers-start db', 'containers-start foreign']);
  });

  it('waits for it also where it is of another change: a backup that died before the restore', async () => {
    leave('a', { 2: start('db'), 4: destroy('old') });
    leave('b', { [-1]: rollback('data') }, { changeId: 'backup:photo/restore' });
    fails('zfs-rollback data');
    await settle();
    expect(ran).toEqual([]);
    meanwhile = () => {};
    await settle();
    expect(ran).toEqual(['zfs-rollback data', 'containers-start db', 'zfs-destroy-snapshots old']);
  });

  it('is done with where a later run does the very same', async () => {
    leave('a', { 4: destroy('same') });
    leave('b', { 4: destroy('same') });
    expect(readUndo(store)).toMatchObject([{ run: 'b' }]);
    dropUndo(store, { changeId: 'backup:photo', run: 'b' }, [4]);
    expect(readUndo(store)).toEqual([]);
  });
});

describe('a run that lives when what another one has left is begun to be put right', () => {
  const record = { ...newBackupRecord('films', 0), stops: 1, lastStopMs: 5, attempts: 1 };
  const proof = { lockName: 'films', service: 'films', what: 'drill' as const };
  const own = { changeId: 'backup:films', run: 'lives' };

  beforeEach(() => {
    leave('lives', { 3: hook('db'), 4: destroy('films') }, { ...own, lockName: 'films' });
    // It is the newer one: its lock comes first.
    leave('dead', { 4: destroy('busy') }, { changeId: 'backup:books', lockName: 'books' });
    writeBackupRecord(store, { ...record, runningSinceMs: 5, runningLock: 'films' });
    beginProof(store, { ...proof, sinceMs: 5 });
    alive.add('films');
    meanwhile = (what) => {
      if (what === 'zfs-destroy-snapshots busy') endWell();
    };
  });

  function endWell(): void {
    dropUndo(store, own, [3, 4]);
    writeBackupRecord(store, { ...record, stops: 0, lastStopMs: null, attempts: 0 });
    const ended = { result: 'done' as const, error: null, archive: 'films-1', facts: null, notes: [] };
    recordRun(store, {
      ...{ service: 'films', what: 'archive', atMs: 5, durationMs: 9, downtimeMs: 1 },
      ...ended,
    });
    endProof(store, proof);
    alive.delete('films');
  }

  it('and ends well meanwhile, is left as it ended', async () => {
    await settle();
    expect(ran).toEqual(['zfs-destroy-snapshots busy']);
    expect(readRuns(store, 'films', 9).map(({ result }) => result)).toEqual(['done']);
    expect(readBackup(store, 'films')).toMatchObject({ stops: 0, lastStopMs: null, runningLock: null });
  });

  it('and dies meanwhile, is put right as it was when it died', async () => {
    meanwhile = (what) => {
      if (what !== 'zfs-destroy-snapshots busy') return;
      dropUndo(store, own, [3]);
      writeBackupRecord(store, { ...record, stops: 2, runningSinceMs: 5, runningLock: 'films' });
      alive.delete('films');
    };
    await settle();
    expect(ran).toEqual(['zfs-destroy-snapshots busy', 'zfs-destroy-snapshots films']);
    expect(readRuns(store, 'films', 9).map(({ result, what }) => [what, result])).toEqual([
      ['archive', 'interrupted'],
      ['drill', 'interrupted'],
    ]);
    expect(readBackup(store, 'films')).toMatchObject({ stops: 2, runningLock: null });
  });
});
