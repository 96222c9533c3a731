import { drillPrefix } from '../desired-state/schema/names.ts';
import type { ObservedContainer } from '../observers/types.ts';
import type { Notice, Reason } from './types.ts';
import { idOf, notice, type World } from './world.ts';

/**
 * Isolation is observed: which containers that Git does not know can be reached from outside, or are on a network that
 * Git knows. They are somebody else's, and left alone; whoever trusts the walls wants to know.
 */
export function notInGit(world: World): Notice[] {
  const { docker } = world.observed;
  if (!docker.known) return [];
  const strangers = docker.value.containers.filter((container) => isStranger(container, world));
  const groups = Map.groupBy(strangers, ({ project, name }) => project ?? name);
  return [...groups].sort(byName).flatMap(([name, containers]) => {
    const reasons = containers.flatMap((container) => reasonsOf(container, world));
    const subject = { kind: 'compose-stack' as const, id: idOf('compose-stack', name), name, service: null };
    return reasons.length === 0 ? [] : [notice(subject, 'report', 'not-in-git', reasons)];
  });
}

/** What leaves Git is still ours until it is gone, and so is the stack of a restore drill. */
function isStranger({ project, oneOff }: ObservedContainer, { byId, inventory }: World): boolean {
  if (project === null) return true;
  const id = idOf('compose-stack', project);
  return !oneOff && !byId.has(id) && !inventory.entries.has(id) && !project.startsWith(drillPrefix);
}

function reasonsOf({ name, published, networks, state }: ObservedContainer, { byId }: World): Reason[] {
  if (state !== 'running') return [];
  const joined = Object.keys(networks).filter((network) => byId.has(idOf('docker-network', network)));
  return [
    ...published.map((port) => `${name} is reached from outside at port ${port}`),
    ...joined.sort().map((network) => `${name} is on ${network}`),
  ].map((note) => ({ field: 'state', from: null, to: null, note }));
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
