import type { Kind, ResourceId } from '../../desired-state/types.ts';
import { restoredService } from '../restore/names.ts';
import type { Step } from '../types.ts';
import { type Backups, emptyBackups, readBackups } from './backups.ts';
import { type ProbeRecord, readProbes } from './probes.ts';
import { type Recovering, readRecovering } from './recovery.ts';
import { guarded, type Store, transaction } from './store.ts';
import { readUndo, type Undo } from './undo.ts';

/** What we own, what was attempted, what was applied: as plain data for the planner. */

export interface InventoryEntry {
  id: ResourceId;
  kind: Kind;
  name: string;
  service: string | null;
  ownedSince: string;
  appliedCommit: string;
  /** Commit that no longer declared it. */
  orphanedSince: string | null;
  /** Facts of the kind: guid of a dataset, applied fields of a container. Never a secret. */
  data: Record<string, unknown>;
}

export interface ServiceRecord {
  service: string;
  attemptedCommit: string | null;
  attemptedInput: string | null;
  /** Moves only after the health gate (law 9). */
  appliedCommit: string | null;
  appliedInput: string | null;
  /** Attempts with the same input since it was last seen healthy for a while. */
  attempts: number;
  lastAttemptMs: number | null;
  lastFailed: boolean;
  lastError: string | null;
  /** Measured at the last change that stopped something. */
  downtimeMs: number | null;
}

export interface Inventory {
  entries: Map<ResourceId, InventoryEntry>;
  services: Map<string, ServiceRecord>;
  subnets: Map<string, string>;
  approvals: Set<string>;
  /** Address of a route -> what became of the last request for it. */
  probes: Map<string, ProbeRecord>;
  backups: Backups;
  /** Services whose data is being restored, or was not put back yet -> why. Nothing of them may be touched. */
  restoring: Map<string, string>;
  /** What dead runs have left of containers, and why that is not put right yet. */
  unsettled: Unsettled[];
  /** Services whose data is still to be recovered -> why they wait. They get their datasets, and do not run. */
  recovering: Map<string, Recovering>;
}

export interface Unsettled {
  containers: string[];
  /** A sentence. */
  error: string;
}

export function emptyInventory(): Inventory {
  return {
    entries: new Map(),
    services: new Map(),
    subnets: new Map(),
    approvals: new Set(),
    probes: new Map(),
    backups: emptyBackups(),
    restoring: new Map(),
    unsettled: [],
    recovering: new Map(),
  };
}

export function readInventory(store: Store): Inventory {
  return guarded(store.path, () => ({
    entries: new Map(all<EntryRow>(store, 'SELECT * FROM resources').map((row) => [row.id, toEntry(row)])),
    services: servicesIn(store),
    subnets: new Map(
      all<{ network: string; subnet: string }>(store, 'SELECT * FROM subnets').map((row) => [
        row.network,
        row.subnet,
      ]),
    ),
    approvals: new Set(
      all<{ commit_id: string }>(store, 'SELECT commit_id FROM approvals').map((row) => row.commit_id),
    ),
    probes: new Map(readProbes(store).map((record) => [record.url, record])),
    backups: readBackups(store),
    restoring: readRestoring(store),
    unsettled: readUnsettled(store),
    recovering: readRecovering(store),
  }));
}

/**
 * What is in the journal of restores: under way, or to be put right. Not what could not be done after the way back was
 * given up: the data is whole then, and a cycle may mend the rest, such as a container that cannot be started.
 */
export function readRestoring(store: Store): Map<string, string> {
  const entries = readUndo(store).filter(
    ({ changeId, position, error }) => restoredService(changeId) !== null && (position < 0 || error === null),
  );
  const byService = Map.groupBy(entries, ({ changeId }) => restoredService(changeId) ?? '');
  const sentence = (own: Undo[]) => {
    const error = own.find(({ error }) => error !== null)?.error ?? null;
    return error === null
      ? 'its data is being restored; it is left alone until that is over'
      : `a restore of its data ended half-way, and what was there before is not back yet: ${error}`;
  };
  // A cycle would start what is kept down for it, and write to half of the data.
  const others = entries.flatMap(({ changeId, step }) =>
    keptDown(step).map(({ name, project }): [string, string] => {
      const whose = restoredService(changeId);
      return [
        project,
        `${name} is kept down until the data of ${whose} is back; it is left alone until then`,
      ];
    }),
  );
  return new Map([...others, ...[...byService].map(([service, own]) => [service, sentence(own)] as const)]);
}

function readUnsettled(store: Store): Unsettled[] {
  return readUndo(store).flatMap(({ step, error }) => {
    if (error === null) return [];
    if (step.op === 'container-exec') return [{ containers: [step.name], error }];
    const isHeld = step.op === 'containers-start' || step.op === 'containers-unpause';
    return isHeld ? [{ containers: step.containers.map(({ name }) => name), error }] : [];
  });
}

/** Containers of other services. */
function keptDown(step: Step): { name: string; project: string }[] {
  if (!('containers' in step)) return [];
  return step.containers.flatMap(({ name, foreign }) => {
    const project = foreign?.project ?? null;
    return project === null ? [] : [{ name, project }];
  });
}

/** The small part of the inventory that `status` needs. */
export function readServices(store: Store): Map<string, ServiceRecord> {
  return guarded(store.path, () => servicesIn(store));
}

function servicesIn(store: Store): Map<string, ServiceRecord> {
  return new Map(all<ServiceRow>(store, 'SELECT * FROM services').map((row) => [row.service, toRecord(row)]));
}

/** Records what a cycle learned, in one transaction: entries that are (still) ours, and ids that are gone. */
export function writeEntries(store: Store, keep: InventoryEntry[], gone: ResourceId[]): void {
  if (keep.length === 0 && gone.length === 0) return;
  transaction(store, () => {
    const put = store.db.prepare('INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    for (const e of keep) {
      const data = JSON.stringify(e.data);
      put.run(e.id, e.kind, e.name, e.service, e.ownedSince, e.appliedCommit, e.orphanedSince, data);
    }
    const remove = store.db.prepare('DELETE FROM resources WHERE id = ?');
    for (const id of gone) remove.run(id);
  });
}

export function writeServices(store: Store, records: ServiceRecord[], gone: string[] = []): void {
  if (records.length === 0 && gone.length === 0) return;
  transaction(store, () => {
    const put = store.db.prepare('INSERT OR REPLACE INTO services VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    for (const r of records) {
      const failed = r.lastFailed ? 1 : 0;
      const tried = [r.attempts, r.lastAttemptMs, failed, r.lastError, r.downtimeMs] as const;
      put.run(r.service, r.attemptedCommit, r.attemptedInput, r.appliedCommit, r.appliedInput, ...tried);
    }
    const remove = store.db.prepare('DELETE FROM services WHERE service = ?');
    for (const service of gone) remove.run(service);
  });
}

/** Keeps allocated subnets for ever, so that a network that comes back gets its old one. */
export function writeSubnets(store: Store, subnets: Iterable<[string, string]>): void {
  const rows = [...subnets];
  if (rows.length === 0) return;
  transaction(store, () => {
    const put = store.db.prepare('INSERT OR REPLACE INTO subnets VALUES (?, ?)');
    for (const [network, subnet] of rows) put.run(network, subnet);
  });
}

export function approve(store: Store, commit: string, nowMs: number): void {
  guarded(store.path, () =>
    store.db.prepare('INSERT OR REPLACE INTO approvals VALUES (?, ?)').run(commit, nowMs),
  );
}

/** Makes Steward forget that it ever saw a resource. True when it was known. */
export function forget(store: Store, id: string): boolean {
  return guarded(
    store.path,
    () => store.db.prepare('DELETE FROM resources WHERE id = ?').run(id).changes > 0,
  );
}

interface EntryRow {
  id: ResourceId;
  kind: Kind;
  name: string;
  service: string | null;
  owned_since: string;
  applied_commit: string;
  orphaned_since: string | null;
  data: string;
}

interface ServiceRow {
  service: string;
  attempted_commit: string | null;
  attempted_input: string | null;
  applied_commit: string | null;
  applied_input: string | null;
  attempts: number;
  last_attempt_ms: number | null;
  last_failed: number;
  last_error: string | null;
  downtime_ms: number | null;
}

function all<Row>(store: Store, sql: string): Row[] {
  return store.db.prepare(sql).all() as Row[];
}

function toEntry(row: EntryRow): InventoryEntry {
  const { id, kind, name, service } = row;
  const commits = {
    ownedSince: row.owned_since,
    appliedCommit: row.applied_commit,
    orphanedSince: row.orphaned_since,
  };
  return { id, kind, name, service, ...commits, data: JSON.parse(row.data) as Record<string, unknown> };
}

function toRecord(row: ServiceRow): ServiceRecord {
  return {
    service: row.service,
    attemptedCommit: row.attempted_commit,
    attemptedInput: row.attempted_input,
    appliedCommit: row.applied_commit,
    appliedInput: row.applied_input,
    attempts: row.attempts,
    lastAttemptMs: row.last_attempt_ms,
    lastFailed: row.last_failed === 1,
    lastError: row.last_error,
    downtimeMs: row.downtime_ms,
  };
}

export function newServiceRecord(service: string): ServiceRecord {
  return {
    service,
    attemptedCommit: null,
    attemptedInput: null,
    appliedCommit: null,
    appliedInput: null,
    attempts: 0,
    lastAttemptMs: null,
    lastFailed: false,
    lastError: null,
    downtimeMs: null,
  };
}
