import { drillPrefix } from '../desired-state/schema/names.ts';
import type { ObservedContainer, ObservedNetwork } from '../observers/types.ts';
import type { Notice, Reason } from './types.ts';
import { idOf, notice, type World } from './world.ts';

/**
 * Isolation is observed: which containers that Git does not know can be reached from outside, or are on a network that
 * Git knows, or inside that of a container. They are somebody else's, and left alone; whoever trusts the walls wants to know.
 */
export function notInGit(world: World): Notice[] {
  const { docker } = world.observed;
  if (!docker.known) return [];
  const strangers = docker.value.containers.filter((container) => isStranger(container, world));
  const known = networksOfGit(world);
  const ours = docker.value.containers.filter((container) => !isStranger(container, world));
  const names = new Map(ours.map(({ id, name }) => [id, name]));
  const groups = Map.groupBy(strangers, ({ project, name }) => project ?? name);
  return [...groups].sort(byName).flatMap(([name, containers]) => {
    const reasons = containers.flatMap((container) => reasonsOf(container, known, names));
    const subject = { kind: 'compose-stack' as const, id: idOf('compose-stack', name), name, service: null };
    return reasons.length === 0 ? [] : [notice(subject, 'report', 'not-in-git', reasons)];
  });
}

/** What leaves Git is still ours until it is gone, and so are its one-offs and the stack of a restore drill. */
function isStranger({ project }: ObservedContainer, { byId, inventory }: World): boolean {
  if (project === null) return true;
  const id = idOf('compose-stack', project);
  return !byId.has(id) && !inventory.entries.has(id) && !project.startsWith(drillPrefix);
}

/** Those that compose makes for a service by itself belong to it too. */
function networksOfGit({ byId, observed: { docker } }: World): Set<string> {
  if (!docker.known) return new Set();
  const isOurs = ({ name, labels }: ObservedNetwork) =>
    byId.has(idOf('docker-network', name)) ||
    byId.has(idOf('compose-stack', labels['com.docker.compose.project'] ?? ''));
  return new Set(docker.value.networks.filter(isOurs).map(({ name }) => name));
}

function reasonsOf(
  { name, published, networks, state, sharesNetworkOf = '' }: ObservedContainer,
  known: Set<string>,
  /** Id -> name of containers of Git. */
  ours: ReadonlyMap<string, string>,
): Reason[] {
  if (state !== 'running') return [];
  const host = ours.get(sharesNetworkOf);
  const joined = Object.keys(networks).filter((network) => known.has(network));
  const onHost = `${name} is on the network of the host: whatever port it opens is reached from outside`;
  return [
    ...('host' in networks ? [onHost] : []),
    ...published.map((port) => `${name} is reached from outside at port ${port}`),
    ...joined.sort().map((network) => `${name} is on ${network}`),
    ...(host === undefined ? [] : [insideOf(name, host)]),
  ].map((note) => ({ field: 'state', from: null, to: null, note }));
}

function insideOf(name: string, host: string): string {
  return `${name} is inside the network of ${host}: it is wherever that one is, and hears what is local to it`;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
