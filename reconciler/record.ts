import type { DesiredBackup, DesiredStack, ResourceId } from '../desired-state/types.ts';
import { scheduleOf } from './kinds/backup.ts';
import { provenAfterMs } from './kinds/stack/attempts.ts';
import type { Planned } from './plan.ts';
import { newBackupRecord, writeBackupRecord } from './state/backups.ts';
import {
  type Inventory,
  type InventoryEntry,
  newServiceRecord,
  type ServiceRecord,
  writeEntries,
  writeServices,
  writeSubnets,
} from './state/inventory.ts';
import { writeSchedule } from './state/schedules.ts';
import type { Store } from './state/store.ts';
import { writeUncovered } from './state/uncovered.ts';
import type { Change, Outcome } from './types.ts';

/** What a cycle learned goes into the inventory; what was known already is not written again. */

export function recordPlan(
  store: Store,
  planned: Planned,
  inventory: Inventory,
  stacks: DesiredStack[],
  nowMs: number,
): void {
  const { plan } = planned;
  const inSync = new Set(plan.inSync);
  const there = plan.reports.flatMap(({ id }) => (planned.data.has(id) ? [id] : []));
  const kept = [...plan.inSync, ...there].flatMap((id) => changedEntry(id, planned, inventory) ?? []);
  const orphans = plan.reports
    .filter((notice) => notice.state === 'orphaned')
    .flatMap((notice) => newOrphan(notice.id, inventory, plan.commit.id));
  writeEntries(store, [...kept, ...orphans], planned.gone);
  const healthy = stacks.filter((stack) => inSync.has(stack.id));
  const records = healthy.flatMap((stack) => settledRecord(stack, inventory, plan.commit.id, nowMs) ?? []);
  writeServices(store, records, planned.gone.flatMap(serviceOf));
  const fresh = [...planned.subnets].filter(([network, subnet]) => inventory.subnets.get(network) !== subnet);
  writeSubnets(store, fresh);
  for (const subject of planned.subjects.values())
    if (subject.kind === 'backup') recordDeclared(store, subject, { inventory, nowMs });
  recordUncovered(store, planned, inventory);
}

/** Since when something is in the place of data: what was archived before then must outlive what is archived without it. */
export function recordUncovered(
  store: Store,
  { subjects, uncovered }: Planned,
  { backups }: Inventory,
): void {
  for (const { kind, name } of subjects.values()) {
    if (kind !== 'backup') continue;
    const [before, now] = [backups.uncovered.get(name) ?? [], uncovered.get(name) ?? []];
    if (JSON.stringify(before) !== JSON.stringify(now)) writeUncovered(store, name, now);
  }
}

/** When a backup was first seen, and whose ticks it owes. */
function recordDeclared(
  store: Store,
  backup: DesiredBackup,
  known: { inventory: Inventory; nowMs: number },
): void {
  const { services, schedules } = known.inventory.backups;
  const { service } = backup;
  const record = services.get(service) ?? newBackupRecord(service, known.nowMs);
  if (!services.has(service)) writeBackupRecord(store, record);
  const schedule = scheduleOf(backup, record, known);
  if (schedule !== schedules.get(service)) writeSchedule(store, service, schedule);
}

/**
 * Before a record is made at a server that keeps no mark beside it: that it is ours is known from here alone, also
 * where Steward dies before it knows that it was made.
 */
export function recordIntent(store: Store, change: Change, planned: Planned, inventory: Inventory): void {
  if (change.kind !== 'dns-record' || change.verb === 'delete') return;
  writeEntries(store, [appliedEntry(change, planned, inventory)], []);
}

/** One that was not made is what it was before: somebody else's, for all we know. */
function takeBackIntent(store: Store, change: Change, inventory: Inventory): void {
  if (change.kind !== 'dns-record' || change.verb === 'delete') return;
  const before = inventory.entries.get(change.id);
  writeEntries(store, before === undefined ? [] : [before], before === undefined ? [change.id] : []);
}

/** After one change ended: its entry, in the same breath as its history. */
export function recordOutcome(store: Store, outcome: Outcome, planned: Planned, inventory: Inventory): void {
  const { change } = outcome;
  if (outcome.result !== 'applied') {
    takeBackIntent(store, change, inventory);
    return;
  }
  if (change.verb === 'delete') {
    writeEntries(store, [], [change.id]);
    writeServices(store, [], serviceOf(change.id));
    return;
  }
  writeEntries(store, [appliedEntry(change, planned, inventory)], []);
}

function appliedEntry(change: Change, planned: Planned, inventory: Inventory): InventoryEntry {
  const known = inventory.entries.get(change.id);
  const commit = planned.plan.commit.id;
  return entry(change, known?.ownedSince ?? commit, commit, planned.data.get(change.id) ?? {});
}

function entry(
  subject: Pick<Change, 'id' | 'kind' | 'name' | 'service'>,
  ownedSince: string,
  appliedCommit: string,
  data: Record<string, unknown>,
): InventoryEntry {
  const { id, kind, name, service } = subject;
  return { id, kind, name, service, ownedSince, appliedCommit, orphanedSince: null, data };
}

function changedEntry(id: ResourceId, planned: Planned, inventory: Inventory): InventoryEntry | null {
  const known = inventory.entries.get(id);
  const data = planned.data.get(id) ?? {};
  if (
    known !== undefined &&
    known.orphanedSince === null &&
    JSON.stringify(known.data) === JSON.stringify(data)
  ) {
    return null;
  }
  const subject = planned.subjects.get(id);
  if (subject === undefined) return null;
  const commit = planned.plan.commit.id;
  return entry(subject, known?.ownedSince ?? commit, known?.appliedCommit ?? commit, data);
}

function newOrphan(id: ResourceId, inventory: Inventory, commit: string): InventoryEntry[] {
  const known = inventory.entries.get(id);
  return known === undefined || known.orphanedSince !== null ? [] : [{ ...known, orphanedSince: commit }];
}

/** Seen in sync: applied. Seen in sync for a while after the last attempt: its troubles are forgotten. */
function settledRecord(
  stack: DesiredStack,
  inventory: Inventory,
  commit: string,
  nowMs: number,
): ServiceRecord | null {
  const known = inventory.services.get(stack.name) ?? newServiceRecord(stack.name);
  const isProven = known.lastAttemptMs === null || Math.abs(nowMs - known.lastAttemptMs) >= provenAfterMs;
  const forgets = isProven && (known.attempts > 0 || known.lastFailed);
  const isKnown = known.appliedInput === stack.inputDigest;
  if (isKnown && !forgets) return null;
  const applied = isKnown
    ? {}
    : { appliedCommit: commit, attemptedCommit: commit, appliedInput: stack.inputDigest };
  const calm = forgets ? { attempts: 0, lastFailed: false, lastError: null } : {};
  return { ...known, ...applied, ...calm };
}

/** Before the first step of a stack: the attempt counts even if Steward dies in the middle of it. */
export function recordAttempt(
  store: Store,
  stack: DesiredStack,
  inventory: Inventory,
  commit: string,
  nowMs: number,
): void {
  const known = inventory.services.get(stack.name) ?? newServiceRecord(stack.name);
  const isSame = known.attemptedInput === stack.inputDigest;
  const record: ServiceRecord = {
    ...known,
    attemptedCommit: commit,
    attemptedInput: stack.inputDigest,
    attempts: isSame ? known.attempts + 1 : 1,
    lastAttemptMs: nowMs,
    lastFailed: true,
    lastError: 'Steward ended in the middle of it',
  };
  inventory.services.set(stack.name, record);
  writeServices(store, [record]);
}

export function recordAttemptResult(
  store: Store,
  stack: DesiredStack,
  inventory: Inventory,
  commit: string,
  outcome: Outcome,
): void {
  const known = inventory.services.get(stack.name) ?? newServiceRecord(stack.name);
  const ok = outcome.result === 'applied';
  const record: ServiceRecord = {
    ...known,
    lastFailed: !ok,
    lastError: outcome.error,
    downtimeMs: outcome.downtimeMs > 0 ? Math.round(outcome.downtimeMs) : known.downtimeMs,
    ...(ok ? { appliedCommit: commit, appliedInput: stack.inputDigest } : {}),
  };
  inventory.services.set(stack.name, record);
  writeServices(store, [record]);
}

function serviceOf(id: ResourceId): string[] {
  const [kind, name] = splitId(id);
  return kind === 'compose-stack' ? [name] : [];
}

function splitId(id: ResourceId): [string, string] {
  const colon = id.indexOf(':');
  return [id.slice(0, colon), id.slice(colon + 1)];
}
