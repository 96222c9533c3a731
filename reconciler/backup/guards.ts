import { isBelow } from '../../desired-state/files.ts';
import type { DesiredResource } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { MountGuard } from '../types.ts';

/**
 * What must be mounted for a container to be started again by whoever finds a run dead: a power cut may be why it is, and
 * then a pool may be away, or a key not loaded (law 12). Pure.
 */
export type GuardsOf = (container: ObservedContainer) => MountGuard[];

/** Whose data it is, by its compose project. */
interface Grounded {
  project: string;
  datasets: readonly { name: string; mountpoint: string }[];
}

/** By compose project: what a stack needs, and what a backup of it reads. */
export type GuardsByProject = ReadonlyMap<string, MountGuard[]>;

export function guardsByProject(resources: readonly DesiredResource[]): GuardsByProject {
  const datasets = new Map(
    resources.flatMap((each) => (each.kind === 'zfs-dataset' ? [[each.id, guardOf(each)] as const] : [])),
  );
  const found = new Map<string, MountGuard[]>();
  const add = (project: string, guards: MountGuard[]) =>
    found.set(project, [...(found.get(project) ?? []), ...guards]);
  for (const each of resources) {
    if (each.kind === 'backup') add(each.project, each.datasets.map(guardOf));
    if (each.kind === 'compose-stack')
      add(
        each.name,
        each.needs.flatMap((id) => datasets.get(id) ?? []),
      );
  }
  return found;
}

export function guardOf({ name, mountpoint }: { name: string; mountpoint: string }): MountGuard {
  return { dataset: name, mountpoint };
}

/** Whose data is held still: for its own containers all of that, for others what they write to of it, each once. */
export function guardsIn(grounds: readonly Grounded[], known: GuardsByProject = new Map()): GuardsOf {
  return ({ project, writes }) => {
    const touches = ({ mountpoint }: { mountpoint: string }) =>
      writes.some((path) => isBelow(path, mountpoint) || isBelow(mountpoint, path));
    const touched = grounds.flatMap((ground) =>
      ground.project === project ? ground.datasets : ground.datasets.filter(touches),
    );
    const guards = [...(known.get(project ?? '') ?? []), ...touched.map(guardOf)];
    return [...new Map(guards.map((guard) => [guard.dataset, guard])).values()];
  };
}
