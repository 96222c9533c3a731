import type { DesiredHub, DesiredRoute } from '../../desired-state/types.ts';
import type { ObservedHub } from '../../observers/types.ts';
import { digest } from '../../tools/digest.ts';
import { type ProbeGate, urlOf } from '../probe-gate.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Change, Reason, Step } from '../types.ts';
import { blocked, notice, quietChange, type Verdict, type World } from '../world.ts';
import { isMadeAnew } from './hub-attachment.ts';
import { sameRest } from './route/compare.ts';
import { insideDocker } from './route/inside-docker.ts';
import { obstacleOf, toldDigest } from './route/own.ts';
import { comeAlong, leavingRoutes, wantedSnippets } from './route/together.ts';

/**
 * Sites of the hub. A text that is not the one in its folder is to be loaded; all else is drift: what the hub runs with
 * is compared with what it makes of the files that it has, so that a hand on its admin API is seen, and a route that
 * comes takes no other part of the hub along.
 */

export function diff(desired: DesiredRoute, world: World): Verdict {
  const { hub } = world.desired;
  if (hub === null) return blocked(desired, 'waiting', 'the hub cannot be told about routes');
  const data = recordOf(desired, hub);
  const seen = world.observed.hub;
  if (seen === null || !seen.known)
    return unseen(desired, hub, world, data, seen?.error ?? 'it was not asked');
  const refused = seen.value.refused.get(desired.name);
  const stray = seen.value.stray?.get(desired.name);
  if (refused !== undefined) return refusal(desired, `Caddy refuses it: ${refused}`);
  const inside = insideDocker(desired, world);
  if (inside !== null) return refusal(desired, inside);
  if (stray !== undefined) return refusal(desired, stray);
  const right = isRight(desired, hub, seen.value, world);
  const obstacle = obstacleOf(seen.value, hub);
  // What is as Git says stays so; the hub itself is not well as long as something is in its way.
  if (obstacle !== null && (!right || desired.snippet === null || seen.value.kept === null))
    return blocked(desired, desired.snippet === null ? 'refused' : 'waiting', obstacle);
  if (right && hasAnswered(desired, data, world)) return { state: 'in-sync', data };
  const reasons = right ? [unanswered(desired, world)] : reasonsOf(desired, data, world);
  return { state: 'change', change: loading(desired, hub, reasons, world), data };
}

function recordOf({ hosts, shown, snippet }: DesiredRoute, hub: DesiredHub): Recorded {
  return { hosts, shown, digest: digest(snippet ?? hub.caddyfile) };
}

/** What was loaded is recorded only once it had answered. */
function hasAnswered({ id, probes }: DesiredRoute, data: Recorded, { inventory }: World): boolean {
  return probes.length === 0 || inventory.entries.get(id)?.data.digest === data.digest;
}

function unanswered({ probes, origin }: DesiredRoute, { inventory }: World): Reason {
  const errors = probes.flatMap((target) => inventory.probes.get(urlOf(target))?.error ?? []);
  const note = errors[0] === undefined ? 'it was not asked yet' : `it did not answer: ${errors[0]}`;
  return { field: 'answers', from: null, to: null, note, origin };
}

/** A hub that does not run is started by its own stack first; one that runs and does not answer is left alone. */
function unseen(
  desired: DesiredRoute,
  hub: DesiredHub,
  world: World,
  data: Recorded,
  error: string,
): Verdict {
  const container = world.containerByName.get(hub.container);
  const isSuspended = world.desired.suspended.includes(hub.service);
  if (!world.observed.docker.known || container?.state === 'running' || isSuspended)
    return blocked(desired, 'unknown', error);
  return atItsStart(desired, hub, world, data);
}

/** A hub that starts reads its own Caddyfile by itself. Nobody has seen yet that it takes it: that is not recorded. */
function atItsStart(desired: DesiredRoute, hub: DesiredHub, world: World, data: Recorded): Verdict {
  if (desired.snippet === null)
    return { state: 'in-sync', data: world.inventory.entries.get(desired.id)?.data ?? {} };
  const reasons = reasonsOf(desired, data, world);
  return { state: 'change', change: loading(desired, hub, reasons, world), data };
}

/** A hub that did not answer does once this plan has made it anew: its socket is another, or the first that it has. */
export function afterNewHub(desired: DesiredRoute, hubChange: Change, world: World): Verdict | null {
  const { hub } = world.desired;
  if (hub === null || !isMadeAnew(hub.container, hubChange)) return null;
  return atItsStart(desired, hub, world, recordOf(desired, hub));
}

function refusal(desired: DesiredRoute, note: string): Verdict {
  const origin = { origin: desired.origin };
  const reason: Reason = {
    field: 'routes',
    from: null,
    to: null,
    note,
    ...origin,
  };
  return { state: 'blocked', notice: notice(desired, 'blocked', 'refused', [reason]) };
}

function isRight({ snippet, name, hosts }: DesiredRoute, hub: DesiredHub, seen: ObservedHub, world: World) {
  if (snippet === null) return isOwnPartRight(hub, seen, world);
  // With another Caddyfile the sites may be others as well: they come with it.
  const comeWithIt = isOtherCaddyfile(hub, world);
  return (
    seen.files.get(name) === snippet && (comeWithIt || !hosts.some((host) => world.hubDrift.hosts.has(host)))
  );
}

function isOtherCaddyfile(hub: DesiredHub, { inventory }: World): boolean {
  const told = toldDigest(hub, inventory);
  return told !== null && told !== digest(hub.caddyfile);
}

/** What no route accounts for is the hub's: nothing that a hand has changed is nobody's. */
function isOwnPartRight(hub: DesiredHub, { running, kept }: ObservedHub, world: World): boolean {
  if (world.hubDrift.none) return true;
  if (isOtherCaddyfile(hub, world)) return false;
  const hosts = hostsOfRoutes(world);
  return hosts.some((host) => world.hubDrift.hosts.has(host)) && sameRest(running, kept, hosts);
}

/** Of all that Git or the inventory knows: also of what is left alone, or on its way out. */
function hostsOfRoutes({ desired, inventory }: World): string[] {
  const declared = desired.resources.flatMap((each) => (each.kind === 'caddy-route' ? each.hosts : []));
  const recorded = [...inventory.entries.values()].filter(({ kind }) => kind === 'caddy-route');
  return [...new Set([...declared, ...recorded.flatMap(hostsOf)])];
}

function hostsOf({ data }: InventoryEntry): string[] {
  return (data.hosts ?? []) as string[];
}

/** What the inventory keeps of a route that was loaded. */
interface Recorded extends Record<string, unknown> {
  hosts: string[];
  shown: string[];
  /** Of the text that was loaded. */
  digest: string;
}

function reasonsOf(
  { id, snippet, origin }: DesiredRoute,
  { shown, digest: to }: Recorded,
  world: World,
): Reason[] {
  const recorded = world.inventory.entries.get(id)?.data as Partial<Recorded> | undefined;
  const before = recorded?.shown ?? [];
  const changed = [
    ...before.filter((route) => !shown.includes(route)).map((from) => ({ from, to: null })),
    ...shown.filter((route) => !before.includes(route)).map((route) => ({ from: null, to: route })),
  ];
  if (changed.length > 0) return changed.map((each): Reason => ({ field: 'route', ...each, origin }));
  const field = snippet === null ? 'Caddyfile' : 'routes';
  const from = recorded?.digest ?? null;
  if (from !== to && from !== null) return [{ field, from: from.slice(0, 8), to: to.slice(0, 8), origin }];
  const note = 'the hub runs with something else: changed by hand';
  return [{ field, from: null, to: null, note, origin }];
}

function loading(desired: DesiredRoute, hub: DesiredHub, reasons: Reason[], world: World): Change {
  const { name, snippet, hosts, needs } = desired;
  const isNew = !world.inventory.entries.has(desired.id) && snippet !== null;
  const { socket, folder, caddyfile, line } = hub;
  const bounds = desired.bounds === null ? {} : { bounds: desired.bounds };
  const others = snippet === null ? [] : othersOf(name, world);
  const along = others.length === 0 ? {} : { along: others };
  const step: Step = {
    op: 'caddy-load',
    socket,
    folder,
    caddyfile,
    line,
    name,
    snippet,
    ...bounds,
    ...along,
  };
  return quietChange(desired, isNew ? 'create' : 'update', {
    summary: snippet === null ? 'is loaded again' : hosts.join(', '),
    reasons,
    steps: [step],
    needs,
    ...(desired.probes.length === 0 ? {} : { probe: probing(desired, hub, world) }),
  });
}

function othersOf(name: string, { desired, inventory, observed: { hub: seen } }: World) {
  if (seen?.known !== true) return [];
  const leaving = leavingRoutes(desired, inventory).map((each) => [each, ''] as const);
  const wanted = new Map([...leaving, ...wantedSnippets(desired)]);
  return comeAlong(name, wanted, seen.value.files).map(([other, snippet]) => {
    const route = desired.resources.find((each) => each.kind === 'caddy-route' && each.name === other);
    const bounds = route?.kind === 'caddy-route' ? route.bounds : null;
    return { name: other, snippet, ...(bounds === null ? {} : { bounds }) };
  });
}

/** A service without a health check may take a while to listen, and a certificate from outside takes its time. */
const patienceSeconds = { internal: 30, off: 30, acme: 120 };

/** One that has kept silent already is asked again, and not waited for again: others wait for the cycle. */
function probing({ service, probes }: DesiredRoute, hub: DesiredHub, { inventory }: World): ProbeGate {
  const isSilent = probes.some((target) => (inventory.probes.get(urlOf(target))?.error ?? null) !== null);
  const timeoutSeconds = isSilent ? 2 : Math.max(...probes.map(({ tls }) => patienceSeconds[tls]));
  const { container, socket } = hub;
  return { service, container, socket, targets: probes, timeoutSeconds };
}

/** Routes that left Git go out of the hub; with the hub itself, there is nothing to be told. */
export function prune(entry: InventoryEntry, world: World): Verdict {
  const { hub } = world.desired;
  const seen = world.observed.hub;
  if (hub === null) return { state: 'gone' };
  if (seen === null || !seen.known) return blocked(entry, 'unknown', seen?.error ?? 'the hub was not asked');
  const hosts = hostsOf(entry);
  const isGone = !hosts.some((host) => world.hubDrift.hosts.has(host));
  if (!seen.value.files.has(entry.name) && isGone) return { state: 'gone' };
  const obstacle = obstacleOf(seen.value, hub);
  if (obstacle !== null) return blocked(entry, 'waiting', obstacle);
  const { socket, folder, caddyfile, line } = hub;
  const change = quietChange(entry, 'delete', {
    summary: 'no longer in Git',
    reasons: hosts.map(
      (host): Reason => ({ field: 'route', from: host, to: null, note: 'no longer in Git' }),
    ),
    steps: [{ op: 'caddy-load', socket, folder, caddyfile, line, name: entry.name, snippet: '' }],
    needs: [],
  });
  return { state: 'change', change, data: {} };
}
