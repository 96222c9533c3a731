import type { DesiredState } from '../desired-state/types.ts';
import type { Before } from '../metrics/types.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import { type SettleDeps, type Settled, settleRuns } from '../reconciler/settle-undo.ts';
import {
  amendLastCycle,
  lastCycle,
  lastFetchMs,
  lastSuccessMs,
  recordCycle,
} from '../reconciler/state/cycles.ts';
import { readDeclared, writeDeclared } from '../reconciler/state/declared.ts';
import { readServices } from '../reconciler/state/inventory.ts';
import { settle } from '../reconciler/state/journal.ts';
import { takeLock } from '../reconciler/state/lock.ts';
import type { Store } from '../reconciler/state/store.ts';
import { type Hindrances, hindrancesOf } from './backup-matter.ts';
import { isStopped } from './last-good.ts';
import { readBackupStatus } from './read-backup-status.ts';
import type { Status } from './render/types.ts';
import { forgetRoutes, routeStatus } from './route-status.ts';
import { statusOf } from './status-of.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/** What a crash left open is put right, and said, before anything else is done. */
export async function settleJournal(wired: Wired, stateDir: string): Promise<void> {
  for (const id of settle(wired.store))
    note(`steward: the last run ended in the middle of ${id}; it is looked at again`);
  for (const run of await settleRuns(settleDeps(wired, stateDir))) note(settledSentence(run));
}

function settleDeps({ store, deps: { executor, clock } }: Wired, stateDir: string): SettleDeps {
  const nowMs = clock.now();
  const self = { command: 'settling what a crash left', sinceMs: nowMs };
  const tryLock = (name: string) => {
    const result = takeLock(stateDir, self, 0, name);
    return result.ok ? result.lock : null;
  };
  return { store, executor, nowMs, tryLock };
}

const putRight: Partial<Record<string, string>> = {
  'containers-start': 'its containers are started again',
  'containers-unpause': 'its containers go on',
  'containers-stop': 'its containers are stopped',
  'zfs-rollback': 'its data is what it was before',
  'files-restore': 'its data is what it was before',
  'zfs-destroy-snapshots': 'its snapshot is cleared away',
  'drill-stop': 'its stack of the drill is stopped',
  'scratch-destroy': 'its scratch dataset is cleared away',
  'container-exec': 'its hook after the snapshot was run',
};

function settledSentence({ changeId, done, failed, notes }: Settled): string {
  const parts = [
    ...new Set(done.map((op) => putRight[op] ?? op)),
    ...failed.map((error) => `not yet: ${error}`),
    ...new Set(notes),
  ];
  return `steward: the last run ended in the middle of ${changeId}; ${parts.join('; ')}`;
}

/**
 * Records the cycle, and returns what `status` will say of it. `inForce`: see there. `intervalMs`: until a daemon makes the
 * next one.
 */
export function keep(wired: Wired, cycle: Cycle, inForce: Cycle = cycle, intervalMs?: number): Status {
  const { store } = wired;
  const { lastCycle, ...found } = statusOf(cycle, readServices(store), readKept(store), inForce);
  const { desired, plan } = backupsToTell(cycle, inForce);
  if (desired !== null) writeDeclared(store, desired);
  const every = intervalMs === undefined ? {} : { intervalMs };
  const detail = { ...found, ...every, ...toldNow(store, desired, plan, cycle.atMs) };
  const { at: atMs, durationMs, result } = lastCycle;
  recordCycle(store, { atMs, durationMs, result, commit: cycle.commit?.id ?? null, detail });
  if (inForce.desired !== null && !isStopped(inForce)) forgetRoutes(store, inForce.desired);
  return { ...detail, routes: routeStatus(store), lastCycle };
}

/** What backups are told from. `desired`: null where nothing is done by the commit, so that what was declared before counts. */
export function backupsToTell(cycle: Cycle, inForce: Cycle): Pick<Cycle, 'desired'> & { plan: Hindrances } {
  const desired = isStopped(cycle) ? null : cycle.desired;
  return { desired, plan: hindrancesOf(inForce.plan === null ? cycle : inForce) };
}

/**
 * What became of backups or keys since the last cycle is in `status` at once, and not with the next one; `plan`: of that
 * cycle, where there was one. `desired`: null where its commit is not in force. Returns what `status` says of them.
 */
export function keepBackups(
  { store, deps }: Wired,
  desired: DesiredState | null,
  plan: Hindrances | null = null,
): Pick<Status, 'backups'> {
  const backups = toldNow(store, desired, plan, deps.clock.now());
  amendLastCycle(store, (detail) => ({ ...(detail as object), ...backups }));
  return backups;
}

/** Of the backups as they were last declared. A lab without any has no word of them. */
function toldNow(
  store: Store,
  desired: DesiredState | null,
  plan: Hindrances | null,
  nowMs: number,
): Pick<Status, 'backups'> {
  const backups = readBackupStatus(store, desired ?? readDeclared(store), plan, nowMs);
  return backups.length === 0 ? {} : { backups };
}

/** What the metrics begin with after a restart. */
export function knownBefore(store: Store): Before {
  const kept = readKept(store);
  const cycleAt = kept?.lastCycle?.at ?? null;
  const refused = (kept?.refused ?? null) !== null;
  return {
    cycleAt,
    successAt: lastSuccessMs(store),
    fetchedAt: lastFetchMs(store),
    refused,
  };
}

/** The status of the last cycle that was kept; null before the first. */
export function readKept(store: Store): Status | null {
  const row = lastCycle(store);
  if (row === null) return null;
  const { atMs: at, result, durationMs } = row;
  return { ...(row.detail as Omit<Status, 'lastCycle'>), lastCycle: { at, result, durationMs } };
}
