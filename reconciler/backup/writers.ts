import type { Quiesce } from '../../desired-state/backup-parts.ts';
import { isBelow } from '../../desired-state/files.ts';
import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { Change, Reason } from '../types.ts';
import type { GuardsOf } from './guards.ts';
import type { Ground, QuiescedContainer } from './step-parts.ts';

/**
 * Who can write to the data of a service: the containers of its own stack, and every other one with a mount, not
 * read-only, of its datasets, of a folder in them or of one that holds them. Backups, restores and rollbacks choose whom
 * they hold still by this, and by nothing else. Pure.
 */

export interface Writers {
  own: ObservedContainer[];
  /** Of other services, or of none: they stop first and start last. */
  foreign: ObservedContainer[];
  /** What a stop would end for good: they are never stopped. */
  passing: ObservedContainer[];
}

export function groundOf({ service, project, datasets }: DesiredBackup): Ground {
  return { service, project, mountpoints: datasets.map(({ mountpoint }) => mountpoint) };
}

/** Whatever their state is. */
export function writersOf(
  { project, mountpoints }: Ground,
  containers: readonly ObservedContainer[],
): Writers {
  const isOwn = (container: ObservedContainer) => container.project === project && !container.oneOff;
  const touches = (path: string) =>
    mountpoints.some((mountpoint) => isBelow(path, mountpoint) || isBelow(mountpoint, path));
  const others = containers.filter((container) => !isOwn(container) && container.writes.some(touches));
  return {
    own: containers.filter(isOwn),
    foreign: others.filter((container) => !isPassing(container)),
    passing: others.filter(isPassing),
  };
}

function isPassing({ oneOff, autoRemove }: ObservedContainer): boolean {
  return oneOff || autoRemove;
}

/** Those that a backup holds still, and those that it cannot. Nobody where it leaves its own containers alone. */
export function writersAtSnapshot(
  ground: Ground,
  quiesce: Quiesce | undefined,
  containers: readonly ObservedContainer[],
): Writers {
  const { own, foreign, passing } = writersOf(ground, containers);
  const isHeldHere = (container: ObservedContainer) => isHeld(container, quiesce);
  const writes = ({ state }: ObservedContainer) => state === 'running' || state === 'restarting';
  return {
    own: own.filter(isHeldHere),
    foreign: foreign.filter(isHeldHere),
    passing: quiesce === undefined || quiesce === 'none' ? [] : passing.filter(writes),
  };
}

/** One that ends and is restarted again and again writes too: it can be stopped, and not paused. */
function isHeld({ state }: ObservedContainer, quiesce: Quiesce | undefined): boolean {
  if (quiesce === undefined || quiesce === 'none') return false;
  return state === 'running' || (state === 'restarting' && quiesce === 'stop');
}

/** As steps speak of them: the own ones by name, then the others, which need all of those besides what they need at home. */
export function quiescedIn(
  { own, foreign }: Pick<Writers, 'own' | 'foreign'>,
  guardsOf: GuardsOf,
): QuiescedContainer[] {
  const first = own.map(inProjects(own, guardsOf)).sort(byName);
  const needs = first.map(({ name }) => ({ name, healthy: false }));
  const asForeign = inProjects(foreign, guardsOf);
  const last = foreign.map((container): QuiescedContainer => {
    const quiesced = asForeign(container);
    return { ...quiesced, needs: [...quiesced.needs, ...needs], foreign: { project: container.project } };
  });
  return [...first, ...last.sort(byName)];
}

/** What a container needs is in its own stack. */
function inProjects(
  held: ObservedContainer[],
  guardsOf: GuardsOf,
): (container: ObservedContainer) => QuiescedContainer {
  const projects = Map.groupBy(held, ({ project }) => project);
  const services = new Map(
    [...projects].map(([project, group]) => [project, Map.groupBy(group, ({ service }) => service)]),
  );
  return (container) => {
    const { id, name, project, dependsOn } = container;
    const needs = Object.entries(dependsOn).flatMap(([service, condition]) =>
      (services.get(project)?.get(service) ?? []).map((needed) => ({
        name: needed.name,
        healthy: condition === 'service_healthy',
      })),
    );
    return { id, name, needs, guards: guardsOf(container) };
  };
}

function byName(a: QuiescedContainer, b: QuiescedContainer): number {
  return a.name < b.name ? -1 : 1;
}

/** `media-films of service media`. */
export function callWriter({ name, project }: ObservedContainer): string {
  return project === null ? name : `${name} of service ${project}`;
}

/** Why others than the service's own containers are in a plan. `how`: what becomes of them, as `stops`. */
export function foreignReasons(
  { service }: Ground,
  foreign: readonly ObservedContainer[],
  how: string,
): Reason[] {
  return foreign.map((container) => {
    const who = callWriter(container) + (container.project === null ? ', which is of no service,' : '');
    return writerReason(`${who} writes to the data of ${service} too, and ${how} with it`);
  });
}

export function writerReason(note: string): Reason {
  return { field: 'writers', from: null, to: null, note };
}

/** `docker compose run`, as a person has started it. */
export function startedBy({ oneOff }: ObservedContainer): string {
  return oneOff ? 'docker compose run' : 'docker run --rm';
}

/** Services whose containers a change holds still besides its own; not those of no service. */
export function foreignProjects({ steps }: Pick<Change, 'steps'>): string[] {
  const projects = steps.flatMap((step) =>
    'containers' in step ? step.containers.map(({ foreign }) => foreign?.project ?? null) : [],
  );
  return [...new Set(projects.filter((project) => project !== null))];
}
