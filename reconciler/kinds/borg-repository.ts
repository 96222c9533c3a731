import type { DesiredRepository } from '../../desired-state/types.ts';
import { proofAt, proofText, proofWaitsForTurn } from '../backup/at-work.ts';
import { attemptLater } from '../backup/attempts.ts';
import { encryptionProblem, keyProblem, keyState } from '../backup/key-state.ts';
import { askedCheck, checkChange, checkLater, dueCheck } from '../proof/check.ts';
import { damageOf } from '../proof/damage.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { repositoryLock } from '../state/lock.ts';
import type { Change, Reason, Step } from '../types.ts';
import { blocked, quietChange, report, type Verdict, type World } from '../world.ts';
import { isDueNow } from './backup.ts';

/** What is known of a repository is read again after this long, though nothing gave reason for doubt. */
const staleAfterMs = 7 * 24 * 3_600_000;

/**
 * Made when missing, adopted when there. Borg is not asked in a cycle: what it said last stands until it is old or in
 * doubt.
 */
export function diff(desired: DesiredRepository, world: World): Verdict {
  const { location } = desired.repository;
  const known = world.inventory.backups.repositories.get(location);
  const data = { location };
  const wanted = askedFor(desired, world);
  if (wanted !== null) return wanted;
  const proof = world.asked === undefined ? proofAt(location, world.inventory.backups) : null;
  if (proof !== null)
    return proof.what === 'drill'
      ? { state: 'in-sync', data }
      : told(desired, 'running', proofText(proof), data);
  const age = known === undefined ? 0 : Math.abs(world.nowMs - known.listedMs);
  if (known !== undefined && !known.inDoubt && age < staleAfterMs) return checked(desired, world, data);
  const { services } = world.inventory.backups;
  const isAsked = world.asked?.services.includes(desired.service ?? '') === true;
  const later = isAsked ? null : attemptLater(services.get(desired.service ?? ''), world.nowMs);
  if (later !== null) return blocked(desired, 'backing-off', later);
  const change =
    known === undefined
      ? open(desired, world)
      : list(
          desired,
          known.borgId,
          known.inDoubt ? 'its last use ended badly' : 'it was not looked at for a week',
        );
  return { state: 'change', change, data };
}

/** A check by hand: neither doubt nor back-off keep a person from looking. */
function askedFor(desired: DesiredRepository, { asked, inventory, nowMs }: World): Verdict | null {
  const { location } = desired.repository;
  const { what = 'archive', services = [] } = asked ?? {};
  if ((what !== 'check' && what !== 'verify-data') || !services.includes(desired.service ?? '')) return null;
  if (!inventory.backups.repositories.has(location))
    return blocked(desired, 'waiting', `${location} was not opened yet; steward backup run does that`);
  const due = askedCheck(what, inventory.backups, location, nowMs);
  return { state: 'change', change: checkChange(desired, due), data: { location } };
}

/** Backups come first: a check may take hours, and says nothing that could not wait for them. */
function checked(desired: DesiredRepository, world: World, data: Record<string, unknown>): Verdict {
  const { backups } = world.inventory;
  const { location } = desired.repository;
  const record = backups.services.get(desired.service ?? '');
  const isFree = record !== undefined && record.runningSinceMs === null && world.asked === undefined;
  const wanted = isFree ? dueCheck(desired, backups, record.firstSeenMs, world.nowMs) : null;
  const due = wanted === null || isDueNow(desired.service, world) ? null : wanted;
  const later = due === null ? null : checkLater(due, location, backups, world.nowMs);
  if (later !== null) return told(desired, 'degraded', `check: ${later}`, data);
  if (due !== null)
    return { state: 'change', change: checkChange(desired, due, proofWaitsForTurn(backups)), data };
  const damage = damageOf(backups, location);
  if (damage !== null) return told(desired, 'degraded', damage.message, data);
  const other = encryptionProblem(
    desired.repository,
    backups.repositories.get(location)?.encryption ?? 'unknown',
  );
  if (other !== null) return told(desired, 'degraded', `${other}: ${anotherOne(desired)}`, data);
  const unsafe = keyProblem(keyState(location, backups));
  return unsafe === null ? { state: 'in-sync', data } : told(desired, 'key-not-exported', unsafe, data);
}

function anotherOne({ id }: DesiredRepository): string {
  return `name another backup.repository, or move this one away and run steward forget ${id}, and a new one is made`;
}

/** It is there, whatever is to be said of it: it must be known to who wants it forgotten. */
function told(
  desired: DesiredRepository,
  state: Parameters<typeof report>[1],
  note: string,
  data: Record<string, unknown>,
): Verdict {
  return { ...report(desired, state, note), data };
}

/** Nothing else would say that the archives of before are somewhere else from now on. */
function instead({ id, repository }: DesiredRepository, { inventory }: World): string {
  const before = inventory.entries.get(id)?.data.location;
  if (typeof before !== 'string' || before === repository.location) return '';
  const { length } = inventory.backups.archives.get(before) ?? [];
  const stay = length === 1 ? 'whose archive stays' : `whose ${length} archives stay`;
  return `, in the place of ${before}, ${stay} there`;
}

function open(desired: DesiredRepository, world: World): Change {
  const { repository, origin } = desired;
  const summary = `${repository.location}, made if it is not there${instead(desired, world)}`;
  const reasons = [{ field: 'encryption', from: null, to: repository.encryption, origin }];
  return inBackground(desired, 'create', summary, reasons, { op: 'borg-init', repository });
}

function list(desired: DesiredRepository, borgId: string, note: string): Change {
  const { id, repository } = desired;
  const reasons = [{ field: 'archives', from: null, to: null, note }];
  return inBackground(desired, 'run', 'archives are read again', reasons, {
    op: 'borg-list',
    repository,
    known: { borgId, id },
  });
}

function inBackground(
  desired: DesiredRepository,
  verb: Change['verb'],
  summary: string,
  reasons: Reason[],
  step: Step,
): Change {
  const change = quietChange(desired, verb, { summary, reasons, steps: [step], needs: desired.needs });
  const locks = [repositoryLock(desired.repository.location)];
  return { ...change, background: { locks, exclusive: null } };
}

export function prune(entry: InventoryEntry, _world: World): Verdict {
  return report(entry, 'orphaned', `no longer in Git; its archives are kept in ${entry.data.location}`);
}
