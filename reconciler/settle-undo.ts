import type { Executor } from './apply/types.ts';
import { backupId, togetherId } from './backup/names.ts';
import { putRight } from './put-right.ts';
import { type BackupRecord, doubtRepositoryOfLock, readRunning, writeBackupRecord } from './state/backups.ts';
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
  const undo = Map.groupBy(readUndo(deps.store), ({ lockName }) => lockName);
  const running = readRunning(deps.store);
  const proofs = readRunningProofs(deps.store);
  const settled: Settled[] = [];
  const locks = [
    ...running.map(({ runningLock }) => runningLock ?? ''),
    ...proofs.map((each) => each.lockName),
  ];
  for (const name of new Set([...undo.keys(), ...locks])) {
    const lock = deps.tryLock(name);
    if (lock === null) continue;
    try {
      settled.push(...(await settleLock(undo.get(name) ?? [], deps)));
      for (const record of running)
        if (record.runningLock === name) endRun(record, notesFor(record.service, settled), deps);
      for (const proof of proofs) if (proof.lockName === name) endDeadProof(proof, deps);
    } finally {
      lock.release();
    }
  }
  return settled;
}

async function settleLock(entries: Undo[], deps: SettleDeps): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const [changeId, own] of Map.groupBy(entries, ({ changeId }) => changeId))
    settled.push(await settleChange(changeId, own, deps));
  return settled;
}

async function settleChange(
  changeId: string,
  own: Undo[],
  { store, executor }: SettleDeps,
): Promise<Settled> {
  const open = own.map(({ position, step, atMs: sinceMs }) => ({ position, step, sinceMs }));
  const { done, failed, notes } = await putRight(open, executor, {
    settle: (positions) => dropUndo(store, changeId, positions),
    fail: (position, error) => failUndo(store, changeId, position, error),
  });
  return {
    changeId,
    done,
    failed: failed.map(({ error }) => error.message),
    notes: notes.map(({ text }) => text),
  };
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
