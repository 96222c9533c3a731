import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { type GuardsByProject, guardsIn } from '../backup/guards.ts';
import { instant } from '../backup/names.ts';
import type { Ground } from '../backup/step-parts.ts';
import { type RescueParts, type Reversible, reversible } from '../restore/change.ts';
import { type HeldContainers, heldContainers } from '../restore/containers.ts';
import { repositoryLock } from '../state/lock.ts';
import type { Change, HealthGate, Step } from '../types.ts';
import { taggedOf, whose } from './by-hand.ts';

/**
 * A service's files back to what a snapshot holds. Not by `zfs rollback`: that destroys every snapshot newer than its
 * target, and so the very copy that would make it undoable (docs/decisions/0013-rollback.md). Instead a safety snapshot
 * is taken and the files are copied back; going back to the safety snapshot undoes it, also where this ends half-way.
 * Once all files are back they stay: somebody has asked for them, and whether the service gets well on them may depend
 * on what he does next, such as going back to the image that wrote them. Pure.
 */
export interface RollbackPlan {
  service: string;
  /** Its compose project. */
  project: string;
  /** As ZFS has them now, the service's own first. */
  datasets: readonly SnapshottedDataset[];
  tag: string;
  atMs: number;
  /** Of the whole host, as observed: others than its own may write to its data. */
  containers: ObservedContainer[];
  /** How long they may take to become healthy, as far as the last cycle knew; Git is not asked. */
  healthTimeoutSeconds: number;
  /** Of its Borg repository; null where it has none. */
  location: string | null;
  /** What other stacks need to be mounted, and its own besides its own data. */
  guards?: GuardsByProject;
}

export function rollbackChange(plan: RollbackPlan): Change {
  const { service, datasets, tag, atMs, containers, healthTimeoutSeconds, location } = plan;
  const safety = safetyTagAt(atMs);
  const held = heldContainers(rollbackGround(plan), containers, guardsIn([plan], plan.guards));
  const take = {
    op: 'snapshot-by-hand',
    datasets: datasets.map(({ name, guid }) => ({ name, guid })),
    tag: safety,
    note: wayBack(service, safety),
  } as const;
  const needed = [...held.stop, take, ...filesOf(plan, tag, safety)];
  const start = held.startAll.map((step) => ({ ...step, healthTimeoutSeconds, note: take.note }));
  const back = filesOf(plan, safety, safety).map((step) => ({ ...step, note: take.note }));
  const rescue: RescueParts = [
    { of: 'files-restore', steps: [...held.stop, ...back] },
    { of: 'containers-stop', steps: held.startAsBefore },
  ];
  const lock = location === null ? `data of ${service}` : repositoryLock(location);
  const gate = gateOf(plan, held);
  const parts: Reversible = { service, name: service, lock, held, gate, unwell: 'told' };
  const note = `asked for by hand: what it was before is in ${safety}`;
  return {
    ...reversible(parts, needed, rescue, start),
    summary: `back to ${tag}`,
    reasons: [{ field: 'data', from: safety, to: tag, note }, ...held.reasons],
  };
}

/** The datasets as ZFS has them: Git is not asked. */
export function rollbackGround({
  service,
  project,
  datasets,
}: Pick<RollbackPlan, 'service' | 'project' | 'datasets'>): Ground {
  return { service, project, mountpoints: datasets.map(({ mountpoint }) => mountpoint) };
}

function wayBack(service: string, safety: string): string {
  return `what ${service} was before is in ${safety}; steward snapshot rollback ${service} ${safety} goes back to it`;
}

type FilesRestore = Extract<Step, { op: 'files-restore' }>;

function filesOf({ service, datasets }: RollbackPlan, tag: string, safetyTag: string): FilesRestore[] {
  return datasets.map(({ name, mountpoint }) => {
    const [snapshot, safety] = [`${name}@${tag}`, `${name}@${safetyTag}`];
    return { op: 'files-restore', service, snapshot, safety, guard: { dataset: name, mountpoint } } as const;
  });
}

/** What ran is to run again, and to be well where it can tell; Git may know nothing of this service any more. */
function gateOf(
  { project, healthTimeoutSeconds: timeoutSeconds }: RollbackPlan,
  { own }: HeldContainers,
): HealthGate | null {
  const byService = Map.groupBy(
    own.filter(({ state }) => state === 'running'),
    ({ service }) => service ?? '',
  );
  const awaited = [...byService].map(([service, own]) => {
    const hasHealthcheck = own.some(({ health }) => health !== 'none');
    return { service, oneShot: false, hasHealthcheck, replicas: own.length };
  });
  return awaited.length === 0 ? null : { project, timeoutSeconds, containers: awaited };
}

export function safetyTagAt(nowMs: number): string {
  return `before-rollback-${instant(nowMs)}`;
}

/** A sentence why the datasets cannot go back to this tag; null where they can. */
export function rollbackProblem(found: readonly SnapshottedDataset[], tag: string): string | null {
  const instants = new Set<string>();
  for (const dataset of found) {
    const { name, mounted, mountpoint } = dataset;
    const snapshot = taggedOf(dataset, tag);
    if (snapshot === undefined) return `there is no ${name}@${tag}, so not all of the service could go back`;
    if (whose(snapshot, dataset.guid) === 'backup')
      return `${name}@${tag} is read by a backup and goes when that ends`;
    if (!mounted || !mountpoint.startsWith('/'))
      return `${name} is not mounted, so its files cannot be brought back`;
    instants.add(snapshot.createdTxg);
  }
  return instants.size > 1 ? `the snapshots called ${tag} were not taken at one instant` : null;
}
