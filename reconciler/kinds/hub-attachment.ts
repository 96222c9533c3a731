import type { DesiredAttachment } from '../../desired-state/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Change, Reason } from '../types.ts';
import { blocked, idOf, quietChange, type Verdict, type World } from '../world.ts';

/** The running hub joins and leaves the networks of services; nothing stops for it. */

export function diff(desired: DesiredAttachment, world: World): Verdict {
  const { docker } = world.observed;
  if (!docker.known) return blocked(desired, 'unknown', docker.error);
  const { container } = desired.hub;
  const found = world.containerByName.get(container);
  const network = world.networkByName.get(desired.name);
  const joined = found?.networks[desired.name];
  if (joined !== undefined && joined === network?.id) return { state: 'in-sync', data: { container } };
  if (found === undefined && isLeftAlone(desired, world))
    return blocked(desired, 'waiting', `the hub ${container} is not there, and its service is suspended`);
  const note = noteOf(found === undefined, joined !== undefined);
  return { state: 'change', change: connection(wayBack(desired, world), note), data: { container } };
}

function isLeftAlone({ hub }: DesiredAttachment, { byId, desired }: World): boolean {
  return desired.suspended.includes(byId.get(hub.stack)?.service ?? '');
}

/** Where the hub was on it before, a network that is there will do, even one that nobody would take over today. */
function wayBack(desired: DesiredAttachment, { inventory, networkByName }: World): DesiredAttachment {
  return inventory.entries.has(desired.id) && networkByName.has(desired.name) ? onFound(desired) : desired;
}

function onFound(desired: DesiredAttachment): DesiredAttachment {
  const network = idOf('docker-network', desired.name);
  return { ...desired, needs: desired.needs.filter((need) => need !== network) };
}

function noteOf(isMissing: boolean, isStale: boolean): string | undefined {
  if (isMissing) return 'once the hub is there';
  return isStale ? 'the network was made anew since the hub joined it' : undefined;
}

function connection(desired: DesiredAttachment, note: string | undefined): Change {
  const { name, origin, needs } = desired;
  const { container } = desired.hub;
  const reason: Reason = { field: 'attachment', from: null, to: `${container} on ${name}`, origin };
  return quietChange(desired, 'create', {
    summary: `${container} joins it`,
    reasons: [note === undefined ? reason : { ...reason, note }],
    steps: [{ op: 'network-connect', network: name, container }],
    needs,
  });
}

/** A hub that is made anew in this plan is on the networks of its compose file alone, and joins the others again. */
export function afterNewHub(desired: DesiredAttachment, hubChange: Change): Change | null {
  const { container } = desired.hub;
  if (!isMadeAnew(container, hubChange)) return null;
  return connection(onFound(desired), `${container} is made anew by this plan`);
}

/** Whether this change of the hub's stack puts another container in the place of the one that runs. */
export function isMadeAnew(container: string, { steps, disruption }: Change): boolean {
  return steps.some(({ op }) => op === 'compose-up') && disruption.containers.includes(container);
}

export function prune(entry: InventoryEntry, world: World): Verdict {
  const { docker } = world.observed;
  if (!docker.known) return blocked(entry, 'unknown', docker.error);
  const { container } = entry.data as { container: string };
  const found = world.containerByName.get(container);
  if (found === undefined || !(entry.name in found.networks)) return { state: 'gone' };
  if (isDeclared(found.project, found.service, entry.name, world)) return { state: 'gone' };
  const change = quietChange(entry, 'delete', {
    summary: `${container} leaves it`,
    reasons: [
      { field: 'attachment', from: `${container} on ${entry.name}`, to: null, note: 'no route needs it' },
    ],
    steps: [{ op: 'network-disconnect', network: entry.name, container }],
    needs: [],
  });
  return { state: 'change', change, data: {} };
}

/** The hub's own compose file may have come to name the network. */
function isDeclared(project: string | null, service: string | null, network: string, world: World): boolean {
  const stack = project === null ? undefined : world.byId.get(idOf('compose-stack', project));
  if (stack?.kind !== 'compose-stack') return false;
  return stack.containers.some(({ name, networks }) => name === service && networks.includes(network));
}
