import type { Executor } from './apply/types.ts';
import { backupId, togetherId } from './backup/names.ts';
import { putRight } from './put-right.ts';
import { withGuards } from './settle-guards.ts';
import { type BackupRecord, doubtRepositoryOfLock, readRunning, writeBackupRecord } from './state/backups.ts';
import { readDeclaredBackups } from './state/declared.ts';
import type { Lock } from './state/lock.ts';
import { type BackupRun, endProof, type RunningProof, readRunningProofs, recordRun } from './state/runs.ts';
import { type Store, transaction } from './state/store.ts';
import { dropUndo, failUndo, readUndo, type Undo } from './state/undo.ts';

/**
 * Puts right what runs that are dead have left: containers that were stopped for a snapshot, the snapshot itself.
 * Whether a run is dead, its kernel lock says, which nobody can leave behind.
 */
export interface SettleDeps {
  store: Store;
  executor: Executor;
  nowMs: number;
  /** Null while somebody holds it: that run is alive. */
  tryLock(name: string): Lock | null;
}

export interface Settled {
  /** Of the run that is dead. */
  changeId: string;
  /** What was put right, as op names. */
  done: string[];
  /** Sentences; what could not be done is tried again at the next look. */
  failed: string[];
  /** Sentences; what is to be known of what was done. */
  notes: string[];
}

export async function settleRuns(deps: SettleDeps): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const name of locksOfRuns(deps.store)) {
    const lock = deps.tryLock(name);
    if (lock === null) continue;
    try {
      // Read only now: while another one was put right, this one may have gone on, and ended well.
      const entries = readUndo(deps.store).filter(({ lockName }) => lockName === name);
      settled.push(...(await settleLock(entries, deps)));
      for (const record of readRunning(deps.store))
        if (record.runningLock === name) endRun(record, notesFor(record.service, settled), deps);
      for (const proof of readRunningProofs(deps.store))
        if (proof.lockName === name) endDeadProof(proof, deps);
    } finally {
      lock.release();
    }
  }
  return settled;
}

/** Of those that are dead, and of those that live. */
function locksOfRuns(store: Store): Set<string> {
  return new Set([
    ...readUndo(store).map(({ lockName }) => lockName),
    ...readRunning(store).map(({ runningLock }) => runningLock ?? ''),
    ...readRunningProofs(store).map(({ lockName }) => lockName),
  ]);
}

/**
 * The newest run first. Where its data is not back, nothing that an earlier one has left may write to it either: not
 * even what another change has, for one lock is one service's data.
 */
async function settleLock(entries: readonly Undo[], { store, executor }: SettleDeps): Promise<Settled[]> {
  const settled: Settled[] = [];
  const declared = entries.length === 0 ? [] : readDeclaredBackups(store);
  for (const own of Map.groupBy(entries, ({ changeId, run }) => `${changeId} ${run}`).values()) {
    const [{ changeId, run }] = own as [Undo];
    const open = own.map(({ position, step, atMs: sinceMs }) => {
      return { position, step: withGuards(step, changeId, declared), sinceMs };
    });
    const { done, failed, notes } = await putRight(open, executor, {
      settle: (positions) => dropUndo(store, { changeId, run }, positions),
      fail: (position, error) => failUndo(store, { changeId, run }, position, error),
    });
    const errors = failed.map(({ error }) => error.message);
    settled.push({ changeId, done, failed: errors, notes: notes.map(({ text }) => text) });
    if (failed.some(({ position }) => position < 0)) break;
  }
  return settled;
}

/** The end of Steward is not the backup's fault: it is tried again at once. The archive may be there all the same. */
function endRun(record: BackupRecord, notes: string[], { store, nowMs }: SettleDeps): void {
  const { service, runningSinceMs, runningLock } = record;
  const startedMs = runningSinceMs ?? nowMs;
  transaction(store, () => {
    writeBackupRecord(store, { ...record, runningSinceMs: null, runningLock: null, attempts: 0 });
    doubtRepositoryOfLock(store, runningLock ?? '');
    recordRun(store, { ...interrupted(service, 'archive', startedMs, nowMs), notes });
  });
}

/** What was said when its backup was put right. */
function notesFor(service: string, settled: readonly Settled[]): string[] {
  const own: string[] = [backupId(service), togetherId];
  return settled.filter(({ changeId }) => own.includes(changeId)).flatMap(({ notes }) => notes);
}

/** It has found out nothing, and harmed nothing: what was due is due again. */
function endDeadProof(proof: RunningProof, { store, nowMs }: SettleDeps): void {
  transaction(store, () => {
    endProof(store, proof);
    recordRun(store, interrupted(proof.service, proof.what, proof.sinceMs, nowMs));
  });
}

function interrupted(service: string, what: BackupRun['what'], atMs: number, nowMs: number): BackupRun {
  return {
    service,
    what,
    atMs,
    result: 'interrupted',
    error: 'Steward ended in the middle of it',
    durationMs: Math.max(0, nowMs - atMs),
    downtimeMs: null,
    archive: null,
    facts: null,
    notes: [],
  };
}
