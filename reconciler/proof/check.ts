import type { DesiredRepository } from '../../desired-state/types.ts';
import { attemptLater } from '../backup/attempts.ts';
import { archiveOf, dueTick } from '../backup/due.ts';
import { instant } from '../backup/names.ts';
import type { Schedule } from '../backup/schedule.ts';
import { repositoryLock } from '../state/lock.ts';
import { type ProofKind, type ProofRecord, type Proofs, proofKey } from '../state/proofs.ts';
import type { Change } from '../types.ts';
import { type AskedFor, quietChange } from '../world.ts';
import { damageOf } from './damage.ts';
import type { CheckMode } from './types.ts';

/** Checks of a repository as desired state: for every tick of their schedule there was one. Pure. */

/** What was found wrong is looked at again this often, until it is right: somebody may have repaired it. */
export const againMs = 24 * 3_600_000;

export interface DueProof {
  mode: CheckMode;
  sinceMs: number;
  note: string;
}

/** The one that reads the data comes first: it does what the others do besides. Null: nothing is due. */
export function dueCheck(
  desired: DesiredRepository,
  known: Proofs,
  firstSeenMs: number,
  nowMs: number,
): DueProof | null {
  const { check, verifyData, repository } = desired;
  const { location } = repository;
  const damage = damageOf(known, location);
  if (damage !== null && Math.abs(nowMs - damage.atMs) >= againMs)
    return { mode: damage.provenBy, sinceMs: damage.atMs, note: `damage was found: ${damage.message}` };
  const ended = (kinds: CheckMode[]) => kinds.flatMap((kind) => endMs(known, kind, location));
  const data = dueSince(verifyData, ended(['verify-data']), firstSeenMs, nowMs);
  if (data !== null) return { mode: 'verify-data', sinceMs: data, note: `due since ${instant(data)}` };
  if (check === null) return null;
  const since = dueSince(check, ended(['partial', 'full', 'verify-data']), firstSeenMs, nowMs);
  if (since === null) return null;
  const usual = check.maxSeconds > 0 ? 'partial' : 'full';
  return { mode: damage?.provenBy ?? usual, sinceMs: since, note: `due since ${instant(since)}` };
}

function endMs({ proofs }: Proofs, kind: ProofKind, subject: string): number[] {
  const atMs = proofs.get(proofKey(kind, subject))?.atMs;
  return atMs === undefined || atMs === null ? [] : [atMs];
}

/** The newest tick without its proof; null where there is none. */
export function dueSince(
  schedule: Schedule | null,
  endedMs: number[],
  firstSeenMs: number,
  nowMs: number,
): number | null {
  const spec = { service: '', schedule, jitterSeconds: 0, startingDeadlineSeconds: null };
  const hasArchive = (tickMs: number) => archiveOf(spec, tickMs, endedMs);
  const due = dueTick(spec, { firstSeenMs, hasArchive }, nowMs);
  return due.state === 'due' ? due.sinceMs : null;
}

/** By hand; where damage is known, the check that would see it again. */
export function askedCheck(what: AskedFor, known: Proofs, location: string, nowMs: number): DueProof {
  const usual = damageOf(known, location)?.provenBy ?? 'full';
  return { mode: what === 'verify-data' ? what : usual, sinceMs: nowMs, note: 'asked for by hand' };
}

export function checkLater(due: DueProof, location: string, known: Proofs, nowMs: number): string | null {
  return proofLater(known.proofs.get(proofKey(due.mode, location)), nowMs);
}

export function proofLater(record: ProofRecord | undefined, nowMs: number): string | null {
  return attemptLater(record, nowMs);
}

const words: Record<CheckMode, string> = {
  partial: 'checked as far as the time goes',
  full: 'checked as a whole',
  'verify-data': 'all data is read and verified',
};

/** `waits`: for its turn, a sentence. */
export function checkChange(
  desired: DesiredRepository,
  { mode, note: why }: DueProof,
  waits: string | null = null,
): Change {
  const { repository, check } = desired;
  const note = waits === null ? why : `${why}; ${waits}`;
  const change = quietChange(desired, 'run', {
    summary: words[mode],
    reasons: [{ field: 'check', from: null, to: mode, note, origin: desired.origin }],
    steps: [{ op: 'borg-check', repository, mode, maxSeconds: check?.maxSeconds ?? 0 }],
    needs: desired.needs,
  });
  return { ...change, background: { locks: [repositoryLock(repository.location)], exclusive: null } };
}
