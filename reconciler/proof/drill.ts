import type { DesiredBackup, DesiredStack } from '../../desired-state/types.ts';
import { proofWaitsForTurn } from '../backup/at-work.ts';
import { archiveName, instant } from '../backup/names.ts';
import { stackRef } from '../kinds/compose-stack.ts';
import { repositoryLock } from '../state/lock.ts';
import { proofKey } from '../state/proofs.ts';
import type { Change, Reason, Step } from '../types.ts';
import { quietChange, type World } from '../world.ts';
import { againMs, dueSince } from './check.ts';
import type { Manifest } from './types.ts';

/** Restore drills as desired state: for every tick of their schedule an archive was restored and compared. Pure. */

export interface DueDrill {
  /** Why now. */
  note: string;
  manifest: Manifest;
  /** Of the archive, as borg counted them. */
  files: number;
  bytes: number;
}

/** Null: none is due, or there is no archive yet that a manifest was taken for. */
export function dueDrill(desired: DesiredBackup, firstSeenMs: number, world: World): DueDrill | null {
  const sinceMs = dueDrillSince(desired, firstSeenMs, world);
  if (sinceMs === null) return null;
  const waits = proofWaitsForTurn(world.inventory.backups);
  const since = `due since ${instant(sinceMs)}`;
  return drillNow(desired, waits === null ? since : `${since}; ${waits}`, world);
}

/** Whatever the schedule; null: there is no archive yet that a manifest was taken for. */
export function drillNow(
  { repository: { location } }: DesiredBackup,
  note: string,
  { inventory: { backups } }: World,
): DueDrill | null {
  const kept = backups.manifests.get(location);
  if (kept === undefined) return null;
  const archive = backups.archives.get(location)?.find(({ name }) => name === kept.archive);
  if (archive === undefined) return null;
  const manifest = JSON.parse(kept.text) as Manifest;
  return { note, manifest, files: archive.files ?? 0, bytes: archive.originalBytes ?? manifest.bytes };
}

/** One that differed comes again the next day: by then there may be an archive that is right. */
function dueDrillSince({ drill, service }: DesiredBackup, firstSeenMs: number, world: World): number | null {
  const last = world.inventory.backups.proofs.get(proofKey('drill', service));
  const ended = last?.atMs ?? null;
  if (drill !== null && last?.result === 'bad' && ended !== null && Math.abs(world.nowMs - ended) >= againMs)
    return ended;
  return dueSince(drill, ended === null ? [] : [ended], firstSeenMs, world.nowMs);
}

/** Beside the service's own dataset, so that it is on the same pool; no service can be called so. */
export function scratchDataset({ datasets }: DesiredBackup): string {
  const [root] = datasets;
  const parts = (root?.name ?? '').split('/');
  const name = parts.pop() ?? '';
  return [...parts, `steward-drill-${name}`].join('/');
}

/** The scratch dataset is destroyed however the drill ends: it is in the journal before it is made. */
export function drillChange(desired: DesiredBackup, due: DueDrill, { nowMs, byId }: World): Change {
  const { repository, service } = desired;
  const { manifest } = due;
  const dataset = scratchDataset(desired);
  const run = `drill-${archiveName(service, nowMs)}`;
  const guard = { dataset, mountpoint: `/run/steward/drill/${service}` };
  const stack = byId.get(`compose-stack:${service}`);
  const started =
    desired.drill?.start === true && stack?.kind === 'compose-stack' && !stack.suspend
      ? startSteps(desired, stack, manifest.archive, guard)
      : [];
  const steps: Step[] = [
    {
      op: 'scratch-create',
      ...guard,
      run,
      maxBytes: roomFor(due),
      ...(started.length > 0 && { runs: true }),
    },
    { op: 'borg-extract-scratch', repository, archive: manifest.archive, guard },
    { op: 'borg-compare', repository, guard, manifest },
    ...started,
    { op: 'scratch-destroy', dataset, run },
  ];
  const also = started.length === 0 ? '' : ', and starts its stack on it';
  const change = quietChange(desired, 'run', {
    summary: `restores ${manifest.archive} into a scratch dataset and compares it${also}`,
    reasons: [reasonOf(desired, due)],
    steps,
    needs: desired.needs.filter((id) => !id.startsWith('compose-stack:')),
  });
  const background = { locks: [repositoryLock(repository.location)], exclusive: null };
  const stops = started.length === 0 ? [] : [{ of: 3, by: 4 }];
  return { ...change, undo: [...stops, { of: 0, by: steps.length - 1 }], background };
}

/** Beside the live stack, and apart from it; stopped before what it stands on is destroyed. */
function startSteps(
  { service, datasets }: DesiredBackup,
  stack: DesiredStack,
  archive: string,
  guard: { dataset: string; mountpoint: string },
): Step[] {
  const project = `steward-drill-${service}`;
  const oneShots = stack.containers.filter(({ oneShot }) => oneShot).map(({ name }) => name);
  const { healthTimeoutSeconds: timeoutSeconds } = stack;
  const from = datasets[0]?.mountpoint ?? '';
  const start = { service, stack: stackRef(stack), project, from, guard, archive, timeoutSeconds, oneShots };
  return [
    { op: 'drill-start', ...start },
    { op: 'drill-stop', project },
  ];
}

function reasonOf({ origin }: DesiredBackup, { manifest, note }: DueDrill): Reason {
  return { field: 'drill', from: null, to: manifest.archive, note, origin };
}

/** Uncompressed, and what ZFS needs for many small files: a drill that grows beyond it has restored something else. */
function roomFor({ files, bytes }: DueDrill): number {
  return Math.ceil(bytes * 1.1) + files * 16_384 + 64 * 1024 * 1024;
}
