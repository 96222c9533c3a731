import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { Clock } from '../../tools/clock.ts';
import type { ArchiveFacts, StepFacts } from '../apply/types.ts';
import { byHandIn } from '../owners/comment.ts';
import type { PartEnd } from '../part-types.ts';
import { partAt } from '../parts.ts';
import { isProof, kindOfProof, proofRecorder } from '../proof/record.ts';
import { removeArchives, writeArchive } from '../state/archives.ts';
import {
  type BackupRecord,
  doubtRepository,
  newBackupRecord,
  readBackup,
  writeBackupRecord,
  writeListing,
} from '../state/backups.ts';
import { recordHistory } from '../state/history.ts';
import { repositoryLock } from '../state/lock.ts';
import {
  type BackupRun,
  beginProof,
  endProof,
  type RunningProof,
  readLastRun,
  recordRun,
} from '../state/runs.ts';
import { type Store, transaction } from '../state/store.ts';
import type { Change, Outcome, Step } from '../types.ts';
import { progressRecorder } from './progress.ts';
import { servicesOf } from './services-of.ts';

/** What background changes found out and how they ended, in the state. An archive counts from the moment it is there. */
export function backupRecorder(store: Store, clock: Clock, commit: string) {
  const made = new Map<string, ArchiveFacts>();
  /** Change -> when its snapshot was begun with. */
  const takenMs = new Map<string, number>();
  const proofs = proofRecorder(store, clock);
  const progress = progressRecorder(store, clock);
  const editOne = (service: string, over: (record: BackupRecord) => Partial<BackupRecord>) => {
    const record = readBackup(store, service) ?? newBackupRecord(service, clock.now());
    writeBackupRecord(store, { ...record, ...over(record) });
  };
  let lastToArchive: Change | undefined;
  const edit = (change: Change, over: (record: BackupRecord) => Partial<BackupRecord>) => {
    // What only looks at archives is no attempt to make one.
    if (isProof(change)) return;
    for (const service of servicesOf(change)) editOne(service, over);
  };
  return {
    /** On disk before anything is done: a run that dies is found by it. */
    begin(group: Change[]) {
      const now = clock.now();
      lastToArchive = group.findLast((change) => !isProof(change));
      for (const change of group) {
        const proof = runningProof(change);
        if (proof !== null) beginProof(store, { ...proof, sinceMs: now });
        const begun = { runningSinceMs: now, lastAttemptMs: now };
        edit(change, ({ service }) => ({ ...begun, runningLock: lockOf(service, change) }));
      }
    },
    /** Before the service is stopped, so that an attempt counts that takes Steward with it. */
    announce(change: Change, index: number) {
      const step = change.steps[index];
      if (step?.op === 'zfs-snapshot') takenMs.set(change.id, clock.now());
      // While the service is down nothing is waited for that can wait, not even for the disk.
      if (step === undefined || isDown(change, index)) return;
      transaction(store, () => {
        if (isStop(step)) edit(change, ({ stops }) => ({ stops: stops + 1, lastStopMs: clock.now() }));
        progress.begin(change, index);
      });
    },
    goesOn: progress.goesOn,
    end(group: Change[]) {
      for (const change of group) {
        progress.end(change);
        edit(change, () => notRunning);
        const proof = runningProof(change);
        if (proof !== null) endProof(store, proof);
      }
    },
    learned(change: Change, index: number, facts: StepFacts) {
      const step = change.steps[index];
      if (step?.op === 'borg-create' && facts.archive !== undefined) made.set(step.at, facts.archive);
      if (step === undefined) return;
      learn(store, clock, step, facts, takenMs.get(change.id));
      proofs.learned(change, step, facts);
    },
    finished(outcome: Outcome) {
      const { change, result, error, durationMs } = outcome;
      const { id, verb, reasons } = change;
      transaction(store, () => {
        const ends = endsOf(outcome);
        if (!isProof(change))
          for (const end of ends) editOne(end.service, (record) => attempted(store, record, change, end));
        // A drill may follow, and makes no archive.
        if (change === lastToArchive) edit(change, () => notRunning);
        proofs.finished(outcome);
        if (result === 'failed' && !isProof(change)) doubt(store, outcome);
        recordHistory(store, [{ atMs: clock.now(), id, verb, commit, error, durationMs, reasons, result }]);
        if (change.kind !== 'backup' && !isProof(change)) return;
        const beganMs = Math.round(clock.now() - durationMs);
        for (const end of ends) recordRun(store, runOf(end, outcome, made.get(end.service), beganMs));
        const proof = runningProof(change);
        if (proof !== null) endProof(store, proof);
      });
    },
  };
}

/** Of its own repository: by it the run is found dead, and the repository in doubt. */
function lockOf(service: string, { steps, background }: Change): string | null {
  const own = steps.find((step) => step.op === 'borg-create' && step.at === service);
  return own?.op === 'borg-create' ? repositoryLock(own.repository.location) : (background?.locks[0] ?? null);
}

const notRunning = { runningSinceMs: null, runningLock: null };

function isStop({ op }: Step): boolean {
  return op === 'containers-stop' || op === 'containers-pause';
}

/** After the first step that stops something, until the one that starts it again is over. */
function isDown({ steps, background }: Change, index: number): boolean {
  const exclusive = background?.exclusive ?? null;
  return exclusive !== null && index <= exclusive.last && steps.slice(0, index).some(isStop);
}

/** A check or a drill, as it is told who finds it dead. */
function runningProof(change: Change): Omit<RunningProof, 'sinceMs'> | null {
  const { service, background } = change;
  const what = kindOfProof(change);
  const lockName = background?.locks[0];
  return what === null || service === null || lockName === undefined ? null : { lockName, service, what };
}

/** How it ended for each service; not of one that was left alone, which is no attempt. */
function endsOf({ change, result, error, notes = [], parts }: Outcome): PartEnd[] {
  if (parts !== undefined) return parts.filter((part) => part.result !== 'skipped');
  return servicesOf(change).map((service) => ({ service, result, error, notes }));
}

/**
 * A repository that answers is no success yet: only an archive ends the back-off. Its own troubles are over, those of
 * the last run are not.
 */
function attempted(
  store: Store,
  record: BackupRecord,
  change: Change,
  { result, error }: PartEnd,
): Partial<BackupRecord> {
  if (result === 'failed') return { attempts: record.attempts + 1, lastError: error };
  if (change.kind === 'backup') return { attempts: 0, lastError: null, stops: 0, lastStopMs: null };
  const last = readLastRun(store, record.service);
  return { lastError: last?.result === 'failed' ? last.error : null };
}

function doubt(store: Store, { change, parts }: Outcome): void {
  const whole = new Set(parts?.flatMap(({ service, result }) => (result === 'failed' ? [] : [service])));
  for (const [at, step] of change.steps.entries())
    if ('repository' in step && !whole.has(partAt(change, at)?.service ?? ''))
      doubtRepository(store, step.repository.location);
}

function runOf(
  { service, result, error, notes }: PartEnd,
  { change, durationMs, downtimeMs }: Outcome,
  facts: ArchiveFacts | undefined,
  atMs: number,
): BackupRun {
  return {
    service,
    what: kindOfProof(change) ?? 'archive',
    atMs,
    result: result === 'applied' ? 'done' : 'failed',
    error,
    durationMs,
    downtimeMs,
    archive: facts?.name ?? restoredBy(change) ?? (result === 'applied' ? madeFor(service, change) : null),
    facts: facts ?? null,
    notes: [...notes, ...(facts?.warnings ?? [])],
  };
}

/** The archive that a drill is about. */
function restoredBy({ steps }: Change): string | null {
  return steps.flatMap((step) => (step.op === 'borg-compare' ? [step.manifest.archive] : []))[0] ?? null;
}

/** The archive that the change was for; it was there already where nothing is known of how it was made. */
function madeFor(service: string, { steps }: Change): string | null {
  return (
    steps.flatMap((step) => (step.op === 'borg-create' && step.at === service ? [step.archive] : []))[0] ??
    null
  );
}

/** What a step found out about a repository; `takenMs` is when the snapshot of its change was begun with. */
export function learn(store: Store, clock: Clock, step: Step, facts: StepFacts, takenMs = clock.now()): void {
  if (!('repository' in step)) return;
  const { location } = step.repository;
  if (facts.repository !== undefined) recordListing(store, step.repository, facts.repository, clock.now());
  if (facts.archive !== undefined && step.op === 'borg-create') {
    const { name, id, files, originalBytes, warnings, startMs } = facts.archive;
    // One that an earlier attempt has made is of a snapshot before this one.
    const atMs = Math.min(takenMs, startMs ?? takenMs);
    const known = { name, id, atMs, clean: warnings.length === 0, files, originalBytes };
    writeArchive(store, location, { ...known, byHand: byHandIn(step.comment) });
  }
  if (step.op === 'borg-delete' && facts.heldBack === undefined)
    removeArchives(store, location, step.archives);
}

/** What Borg says there is takes the place of what was known. */
export function recordListing(
  store: Store,
  { location }: RepositoryRef,
  { id, encryption, archives, checkpoints }: NonNullable<StepFacts['repository']>,
  nowMs: number,
): void {
  const repository = { location, borgId: id, encryption, listedMs: nowMs, inDoubt: false, checkpoints };
  writeListing(store, repository, archives);
}
