import { randomUUID } from 'node:crypto';
import type { Observed, ObservedContainer } from '../observers/types.ts';
import type { Clock } from '../tools/clock.ts';
import { alone } from './alone.ts';
import type { Executor } from './apply/types.ts';
import { type ApplyEvent, applyPlan } from './apply-plan.ts';
import { isCurrent } from './backup/current.ts';
import { backupRecorder } from './backup/record.ts';
import type { PartEnd } from './part-types.ts';
import { nothingStopped } from './parts.ts';
import { stepAt } from './positions.ts';
import { pruneHold } from './proof/damage.ts';
import { hasArchive } from './state/archives.ts';
import { readRestoring } from './state/inventory.ts';
import { type LockHolder, type LockResult, repositoryLock } from './state/lock.ts';
import { readProofs } from './state/proofs.ts';
import { type Store, transaction } from './state/store.ts';
import { dropUndo, failUndo, type UndoRun, writeUndo } from './state/undo.ts';
import type { UndoLog } from './step-deps.ts';
import type { BorgCreate, Change, Outcome, Plan, Step } from './types.ts';

/**
 * Changes that take hours are carried out beside the cycles. Each group holds its own kernel locks for as long as it
 * lives; only around the snapshot it holds back the cycles as well.
 */
export interface BackgroundDeps {
  store: Store;
  executor: Executor;
  clock: Clock;
  /** Kernel lock of this name, or who has it; never waits. */
  tryLock(name: string): LockResult;
  holdCycles(): Promise<{ release(): void }>;
  /** All containers, as they are now. */
  look(): Promise<Observed<ObservedContainer[]>>;
  progress?: (event: ApplyEvent) => void;
  signal?: AbortSignal;
}

/** Changes that share their locks, in the order of the plan: they run one after the other, or not at all. */
export function backgroundGroups(plan: Plan): Change[][] {
  const changes = plan.changes.filter(({ background }) => background !== undefined);
  return [...Map.groupBy(changes, ({ background }) => background?.locks.join(' ')).values()];
}

/** The plan without what is carried out beside the cycle. */
export function foreground(plan: Plan): Plan {
  return { ...plan, changes: plan.changes.filter(({ background }) => background === undefined) };
}

/** Throws StateError when the state folder fails. Skipped, and told why, where somebody else has a lock. */
export async function runGroup(group: Change[], commit: string, deps: BackgroundDeps): Promise<Outcome[]> {
  const tell = (outcomes: Outcome[]) => {
    for (const outcome of outcomes) deps.progress?.({ type: 'finished', outcome });
    return outcomes;
  };
  const locks = takeAll(group[0]?.background?.locks ?? [], deps);
  if ('name' in locks) return tell(group.map((change) => skipped(change, locks)));
  try {
    // Planned before a check or a restore had changed the ground, and now alone with the repository: planned again.
    const since = pruneHeldSince(group, deps.store) ?? restoredSince(group, deps.store);
    if (since !== null) return tell(group.map((change) => outcomeOfSkipped(change, since)));
    return await carryOut(group, commit, deps);
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}

export type Taken = { taken: { release(): void }[] } | Elsewhere;

/** The lock that somebody else has. */
export interface Elsewhere {
  name: string;
  holder: LockHolder | null;
}

export function takeAll(names: string[], deps: Pick<BackgroundDeps, 'tryLock'>): Taken {
  const taken: { release(): void }[] = [];
  for (const name of names) {
    const result = deps.tryLock(name);
    if (result.ok) {
      taken.push(result.lock);
      continue;
    }
    for (const lock of taken) lock.release();
    return { name, holder: result.holder };
  }
  return { taken };
}

function skipped(change: Change, { name, holder }: Elsewhere): Outcome {
  const who = holder === null ? 'another steward' : `steward ${holder.command} (pid ${holder.pid})`;
  const archived = change.steps.flatMap((step) => (step.op === 'borg-create' ? [step] : []));
  const whose = archived.find(({ repository }) => repositoryLock(repository.location) === name)?.at;
  const error = `${who} is at work on its repository`;
  if (change.parts === undefined || whose === undefined) return outcomeOfSkipped(change, error);
  const ends = change.parts.map(({ service }) => busyEnd(service, whose, error));
  return { ...outcomeOfSkipped(change, `${whose}: ${error}`), parts: ends };
}

/** One whose repository is in use is in the way of all others only for as long as they are in one change with it. */
function busyEnd(service: string, busy: string, why: string): PartEnd {
  if (service === busy) return { service, result: 'failed', error: why, notes: [] };
  return { service, result: 'skipped', error: nothingStopped(`${busy}: ${why}`), notes: [] };
}

export function outcomeOfSkipped(change: Change, error: string): Outcome {
  return { change, result: 'skipped', error, durationMs: 0, downtimeMs: 0 };
}

function pruneHeldSince(group: Change[], store: Store): string | null {
  const prunes = group.flatMap(({ steps }) => steps.filter((step) => step.op === 'borg-delete'));
  if (prunes.length === 0) return null;
  const known = readProofs(store);
  const services = new Map(group.flatMap(({ steps }) => steps.flatMap(archivedHere)));
  return prunes.reduce<string | null>(
    (found, { repository: { location } }) =>
      found ?? pruneHold(known, services.get(location) ?? '', location),
    null,
  );
}

/** Planned before a restore began that has died since: half of what was, and half of what was archived. */
function restoredSince(group: Change[], store: Store): string | null {
  const restoring = readRestoring(store);
  if (restoring.size === 0) return null;
  const archived = group.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.op === 'borg-create' ? [step.at] : [])),
  );
  return archived.flatMap((service) => restoring.get(service) ?? [])[0] ?? null;
}

/** Planned while it was in doubt whether its archive is there, and its repository has said so meanwhile. */
function archivedSince({ steps }: Change, store: Store): string | null {
  const wanted = steps.filter((step) => step.op === 'borg-create');
  if (wanted.length === 0) return null;
  const isThere = ({ repository, archive }: BorgCreate) => hasArchive(store, repository.location, archive);
  if (!wanted.every(isThere)) return null;
  const names = wanted.map(({ archive }) => archive).join(', ');
  return wanted.length === 1
    ? `${names} is in its repository already; nothing was stopped for it`
    : `${names} are in their repositories already; nothing was stopped for them`;
}

function archivedHere(step: Step): [string, string][] {
  return step.op === 'borg-create' ? [[step.repository.location, step.at]] : [];
}

/** Planned before a cycle, or a person, has exchanged the containers. */
async function containersSince(change: Change, { look }: BackgroundDeps): Promise<string | null> {
  if (change.background?.holds === undefined) return null;
  const found = await look();
  if (!found.known) return found.error;
  return isCurrent(change, found.value)
    ? null
    : 'other containers run than those that were to be held still, so nothing was stopped';
}

async function carryOut(group: Change[], commit: string, deps: BackgroundDeps): Promise<Outcome[]> {
  const { clock, store } = deps;
  const recorder = backupRecorder(store, clock, commit);
  recorder.begin(group);
  const plan = { changes: group } as Plan;
  return applyPlan(plan, {
    ...alone({ ...deps, staleSince: (change) => containersSince(change, deps) }),
    clock,
    parallel: 1,
    isDone: (change) => archivedSince(change, store),
    judge: (change) => containersSince(change, deps),
    gate: async () => null,
    probe: async () => null,
    announce: recorder.announce,
    undo: undoLog(store, clock),
    learned: recorder.learned,
    finished: recorder.finished,
    progress: (event) => {
      if (event.type === 'step' && event.progress !== null)
        recorder.goesOn(event.change, event.step, event.progress);
      deps.progress?.(event);
    },
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  }).finally(() => recorder.end(group));
}

export function undoLog(store: Store, clock: Clock): UndoLog {
  const runs = new Map<Change, UndoRun>();
  const runOf = (change: Change) => {
    const run = runs.get(change) ?? { changeId: change.id, run: randomUUID() };
    runs.set(change, run);
    return run;
  };
  const entriesOf = (change: Change, positions: number[]) =>
    positions.flatMap((position) => {
      const step = stepAt(change, position);
      const lockName = change.background?.locks[0];
      if (step === undefined || lockName === undefined) return [];
      return [{ atMs: clock.now(), lockName, ...runOf(change), position, step }];
    });
  return {
    write(change, positions, also) {
      if (positions.length === 0) return also();
      transaction(store, () => {
        writeUndo(store, entriesOf(change, positions));
        also();
      });
    },
    fail: (change, position, error) => failUndo(store, runOf(change), position, error),
    drop: (change, positions, next = []) =>
      dropUndo(store, runOf(change), positions, entriesOf(change, next)),
  };
}
