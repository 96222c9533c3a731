import type { BackupRecord, Backups } from '../state/backups.ts';
import { type LockHolder, repositoryLock } from '../state/lock.ts';
import type { ProofKind } from '../state/proofs.ts';
import type { RunningProof } from '../state/runs.ts';
import { instant } from './names.ts';

/** Who is at work, and who waits for that. Pure; from what is recorded. */

const words: Record<ProofKind, string> = {
  partial: 'check',
  full: 'check',
  'verify-data': 'check of all data',
  drill: 'restore drill',
};

/** A check of this repository, or a restore of its archive for proof, that is under way. */
export function proofAt(location: string, { runningProofs }: Backups): RunningProof | null {
  if (runningProofs.length === 0) return null;
  const lock = repositoryLock(location);
  return runningProofs.find(({ lockName }) => lockName === lock) ?? null;
}

/** Without what is recorded as under way and is dead: who lives holds its lock. */
export function living(backups: Backups, isHeld: (lockName: string) => boolean): Backups {
  const lives = ({ runningLock }: BackupRecord) => runningLock !== null && isHeld(runningLock);
  const over = { runningSinceMs: null, runningLock: null };
  const services = [...backups.services].map(
    ([service, record]) => [service, lives(record) ? record : { ...record, ...over }] as const,
  );
  const runningProofs = backups.runningProofs.filter(({ lockName }) => isHeld(lockName));
  return { ...backups, services: new Map(services), runningProofs };
}

export function proofText({ what, sinceMs }: RunningProof): string {
  return `${words[what]} under way since ${instant(sinceMs)}`;
}

/** Why a backup that is due does not begin: nobody else is at its repository meanwhile. Null: nothing is at work there. */
export function waitsForProof(location: string, backups: Backups): string | null {
  const proof = proofAt(location, backups);
  if (proof === null) return null;
  return `waits for the ${words[proof.what]} of its repository, under way since ${instant(proof.sinceMs)}`;
}

/** As many at a time as lab.yaml says. Null: there is room. */
export function waitsForTurn(service: string, { services }: Backups, atOnce: number): string | null {
  const others = [...services.values()].filter(
    (each) => each.runningSinceMs !== null && each.service !== service,
  );
  if (others.length < atOnce) return null;
  const names = others.map((each) => each.service).sort();
  const verb = names.length === 1 ? 'is' : 'are';
  return `waits for its turn: ${names.join(', ')} ${verb} at work, and backup.concurrency is ${atOnce}`;
}

/** Checks and restores for proof come one at a time. Null: there is room. */
export function proofWaitsForTurn({ runningProofs: [proof] }: Backups): string | null {
  return proof === undefined ? null : `waits for its turn: ${words[proof.what]} of ${proof.service} first`;
}

/**
 * For a person whom another Steward keeps out of a repository (`where` is what to call it): which one that is, what it is
 * at as far as that is recorded, and how to cut it off where nobody can wait for days. Told to stop, Steward ends Borg
 * at once. The daemon is stopped as a service: killed, it would be started again.
 */
export function keptOutBy(
  holder: LockHolder | null,
  lockName: string,
  where: string,
  backups: Backups,
): string {
  const what = holder === null ? null : underWay(holder, lockName, backups);
  if (holder === null || what === null)
    return `${whole(holder)} is at work on ${where}; try again when that is over`;
  const { command, pid } = holder;
  const isDaemon = command === 'reconcile';
  const end = isDaemon ? 'systemctl stop steward' : `kill ${pid}`;
  const again = isDaemon ? ', and what was cut off is begun again once steward is started' : '';
  return `steward ${command} (pid ${pid}) is at work on ${where}: ${what}; try again when that is over (steward status says how far it is), or cut it off with ${end}: what it has stopped runs again first${again}`;
}

function whole(holder: LockHolder | null): string {
  if (holder === null) return 'another steward';
  const { command, pid, sinceMs } = holder;
  return `steward ${command} (pid ${pid}, since ${new Date(sinceMs).toISOString()})`;
}

/** What was recorded before it had the lock is of another one, which has died. */
function underWay({ sinceMs }: LockHolder, lockName: string, backups: Backups): string | null {
  const proof = backups.runningProofs.find((each) => each.lockName === lockName && each.sinceMs >= sinceMs);
  if (proof !== undefined) return proofText(proof);
  for (const { runningLock, runningSinceMs } of backups.services.values())
    if (runningLock === lockName && runningSinceMs !== null && runningSinceMs >= sinceMs)
      return `backup under way since ${instant(runningSinceMs)}`;
  return null;
}
