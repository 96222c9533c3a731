import type { DesiredContainer, DesiredStack } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';
import type { Reason } from '../../types.ts';
import { idOf, type World } from '../../world.ts';
import { type Inputs, inputReasons, isOfBuild } from './made.ts';
import { otherNetworks, otherVolumes } from './made-once.ts';
import { type AppliedContainer, configReasons } from './reasons.ts';

/**
 * One container against what Git says, in the order in which a fault explains the others: missing, of another
 * configuration, on a network that is no more, above a dataset that was not mounted, too few, not running, not well.
 */
export interface Finding {
  container: string;
  /**
   * up: compose makes or starts it; recreate: compose would see no difference, so it is forced; restart: it only has
   * to look at its mounts again; leave: it leaves networks as it runs; unwell: deploying the same again would not help; told: it stands on
   * what is not as Git says, and only a person can change that.
   */
  action: 'up' | 'recreate' | 'restart' | 'leave' | 'unwell' | 'told';
  reasons: Reason[];
  /** Names of running containers that this stops. */
  stops: string[];
  /** Names of containers, and networks on which they have no business. */
  leaves: { container: string; network: string }[];
  /** A build whose context changed has to be built again. */
  build: boolean;
}

/** What is kept of one container. */
export interface Known {
  applied: AppliedContainer | undefined;
  made: Inputs | null | undefined;
}

export function examine(
  stack: DesiredStack,
  desired: DesiredContainer,
  found: ObservedContainer[],
  { applied, made }: Known,
  world: World,
): Finding | null {
  const [first] = found;
  if (first === undefined) return missing(desired, applied);
  return (
    configuration(desired, found, { applied, made }) ??
    ingredients(desired, found, made) ??
    (isDone(desired, first)
      ? null
      : (networks(desired, found, world) ??
        strayNetworks(desired, found, world) ??
        mounts(stack, desired, found, world) ??
        running(desired, found) ??
        strayPorts(desired, found) ??
        madeOtherwise(stack, desired, found, world)))
  );
}

/** A one-shot that exited 0 is finished, not missing. */
function isDone(desired: DesiredContainer, found: ObservedContainer): boolean {
  return desired.oneShot && found.state === 'exited' && found.exitCode === 0;
}

function finding(
  desired: DesiredContainer,
  parts: Partial<Finding> & Pick<Finding, 'action' | 'reasons'>,
): Finding {
  return { container: desired.name, stops: [], leaves: [], build: false, ...parts };
}

function missing(desired: DesiredContainer, applied: AppliedContainer | undefined): Finding {
  const reason: Reason = { field: 'container', from: null, to: desired.image, container: desired.name };
  const note = applied === undefined ? {} : { note: 'it was removed by someone else' };
  const origin = desired.fieldOrigins.image;
  return finding(desired, {
    action: 'up',
    build: desired.build,
    reasons: [{ ...reason, ...note, ...(origin === undefined ? {} : { origin }) }],
  });
}

function configuration(
  desired: DesiredContainer,
  found: ObservedContainer[],
  { applied, made }: Known,
): Finding | null {
  const other = found.filter((container) => container.configHash !== desired.configHash);
  const [first] = other;
  if (first === undefined) return null;
  const more = inputReasons(desired, made);
  const build = desired.build && (first.filesDigest !== desired.filesDigest || more.some(isOfBuild));
  const reasons = configReasons(desired, first, applied);
  const isNew = ({ field }: Reason) => reasons.every((reason) => reason.field !== field);
  return finding(desired, {
    action: 'up',
    build,
    reasons: [...reasons, ...more.filter(isNew)],
    stops: runningNames(other),
  });
}

/** What compose does not hash: it makes a container anew for another image, and for all else it has to be told to. */
function ingredients(
  desired: DesiredContainer,
  found: ObservedContainer[],
  made: Inputs | null | undefined,
): Finding | null {
  const reasons = inputReasons(desired, made);
  if (reasons.length === 0) return null;
  const action = made !== null && reasons.every(isOfBuild) ? 'up' : 'recreate';
  return finding(desired, {
    action,
    build: desired.build && reasons.some(isOfBuild),
    reasons,
    stops: runningNames(found),
  });
}

/** A container keeps the id of the network that it was made on, also when one of the same name took its place. */
function networks(desired: DesiredContainer, found: ObservedContainer[], world: World): Finding | null {
  for (const name of desired.networks) {
    const id = world.networkByName.get(name)?.id;
    const lost = found.filter((container) => isLost(container, name, id));
    if (lost.length === 0) continue;
    const note = id === undefined ? 'the network is gone' : 'made anew since the container was';
    const reason: Reason = { field: 'network', from: null, to: name, note, container: desired.name };
    return finding(desired, { action: 'recreate', reasons: [reason], stops: runningNames(lost) });
  }
  return null;
}

/** One that never started has no network ids yet: starting it connects it. */
function isLost(container: ObservedContainer, network: string, id: string | undefined): boolean {
  if (container.state === 'created') return false;
  return id === undefined || container.networks[network] !== id;
}

/** A spoke on somebody else's network reaches what it must not. It leaves as it runs; nothing stops for it. */
function strayNetworks(desired: DesiredContainer, found: ObservedContainer[], world: World): Finding | null {
  const leaves = found.flatMap((container) => straysOf(container, desired, world));
  if (leaves.length === 0) return null;
  const note = 'Git does not put it there';
  const reasons = leaves.map(
    ({ network }): Reason => ({ field: 'network', from: network, to: null, note, container: desired.name }),
  );
  return finding(desired, { action: 'leave', reasons, leaves });
}

/** What the hub joins for routes has a kind of its own. Without a network of its own, one is on one of Docker's. */
function straysOf(
  { name, networks: joined }: ObservedContainer,
  { networks: own }: DesiredContainer,
  world: World,
) {
  const isElsewhere = (network: string) => !own.includes(network) && !isAttachment(network, name, world);
  const builtIn = own.length === 0 ? ['bridge', 'host', 'none'] : [];
  const strays = Object.keys(joined).filter((each) => isElsewhere(each) && !builtIn.includes(each));
  return strays.sort().map((network) => ({ container: name, network }));
}

function isAttachment(network: string, container: string, { byId, inventory }: World): boolean {
  const id = idOf('hub-attachment', network);
  const declared = byId.get(id);
  if (declared?.kind === 'hub-attachment' && declared.hub.container === container) return true;
  return inventory.entries.get(id)?.data.container === container;
}

/** Ports are given when a container is made: one that has more of them was not made as Git says, whatever it carries. */
function strayPorts(desired: DesiredContainer, found: ObservedContainer[]): Finding | null {
  const { published } = desired;
  if (published === null) return null;
  for (const { name, published: open } of found) {
    const from = open.find((port) => !published.includes(port));
    if (from === undefined) continue;
    const note = `Git does not open it; docker rm -f ${name} has it made anew as Git says`;
    return finding(desired, {
      action: 'unwell',
      reasons: [{ field: 'port', from, to: null, note, container: desired.name }],
    });
  }
  return null;
}

/** Of networks and volumes that compose has made: it uses what is there, however it was made. */
function madeOtherwise(
  stack: DesiredStack,
  desired: DesiredContainer,
  found: ObservedContainer[],
  world: World,
): Finding | null {
  const reasons = [...otherNetworks(stack, desired, world), ...otherVolumes(desired, found)];
  return reasons.length === 0 ? null : finding(desired, { action: 'told', reasons });
}

/** Mounted later than the container started: the container still sees the directory underneath. */
function mounts(
  stack: DesiredStack,
  desired: DesiredContainer,
  found: ObservedContainer[],
  world: World,
): Finding | null {
  const hidden = unmounted(stack, world).find(({ mountpoint }) =>
    desired.bindMounts.some((path) => path === mountpoint || path.startsWith(`${mountpoint}/`)),
  );
  const stops = runningNames(found);
  if (hidden === undefined || stops.length === 0) return null;
  const note = `started while ${hidden.name} was not mounted`;
  const reasons = [{ field: 'mount', from: null, to: hidden.mountpoint, note, container: desired.name }];
  return finding(desired, { action: 'restart', reasons, stops });
}

function unmounted(stack: DesiredStack, world: World): { name: string; mountpoint: string }[] {
  const { zfs } = world.observed;
  if (!zfs.known) return [];
  return stack.needs.flatMap((id) => {
    const resource = world.byId.get(id);
    if (resource?.kind !== 'zfs-dataset') return [];
    return zfs.value.datasets[resource.name]?.mounted === false ? [resource] : [];
  });
}

function running(desired: DesiredContainer, found: ObservedContainer[]): Finding | null {
  const container = desired.name;
  const down = found.filter(({ state }) => ['created', 'exited', 'dead', 'removing'].includes(state));
  const [first] = down;
  if (first !== undefined) {
    const code = first.exitCode === null ? '' : ` (exit ${first.exitCode})`;
    const reasons = [{ field: 'running', from: `${first.state}${code}`, to: 'running', container }];
    return finding(desired, { action: 'up', reasons });
  }
  if (found.length !== desired.replicas) {
    const [from, to] = [String(found.length), String(desired.replicas)];
    const stops = runningNames(found.slice(desired.replicas));
    return finding(desired, { action: 'up', reasons: [{ field: 'replicas', from, to, container }], stops });
  }
  return unwell(desired, found);
}

function unwell(desired: DesiredContainer, found: ObservedContainer[]): Finding | null {
  const ill = found.find(
    ({ state, health }) => state === 'restarting' || state === 'paused' || health === 'unhealthy',
  );
  if (ill === undefined) return null;
  const isIll = ill.state === 'running';
  const [from, to] = isIll ? [ill.health, 'healthy'] : [ill.state, 'running'];
  const reason: Reason = { field: 'state', from, to, note: advice(ill), container: desired.name };
  return finding(desired, { action: 'unwell', reasons: [reason] });
}

function advice(container: ObservedContainer): string {
  const { name } = container;
  if (container.state === 'paused') return `${name} was paused by someone; docker unpause ${name}`;
  if (container.state === 'restarting')
    return `${name} ends and is restarted again and again; docker logs ${name}`;
  return `${name} runs, but its health check fails; docker inspect -f '{{json .State.Health}}' ${name}`;
}

function runningNames(found: ObservedContainer[]): string[] {
  return found.filter(({ state }) => state === 'running' || state === 'paused').map(({ name }) => name);
}
