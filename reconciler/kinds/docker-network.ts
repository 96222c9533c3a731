import { homeOf } from '../../desired-state/policy/home.ts';
import type { RuleId } from '../../desired-state/schema/rule-ids.ts';
import type { DesiredNetwork, ResourceId } from '../../desired-state/types.ts';
import type { ObservedNetwork } from '../../observers/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { blocked, idOf, quietChange, report, type Verdict, type World } from '../world.ts';

/** Networks get a subnet of their own out of networks.pool, once and for ever; existing ones are adopted as they are. */

export const labLabel = 'io.steward.lab';

export function diff(desired: DesiredNetwork, world: World): Verdict {
  const { docker } = world.observed;
  if (!docker.known) return blocked(desired, 'unknown', docker.error);
  const subnet = world.subnets.get(desired.name);
  if (subnet === undefined) {
    const { cidr, prefix } = world.desired.networkPool;
    return blocked(
      desired,
      'conflict',
      `networks.pool ${cidr} has no free /${prefix} left; make it wider in lab.yaml`,
    );
  }
  const found = world.networkByName.get(desired.name);
  if (found === undefined) return creation(desired, subnet, world);
  const strange = strangeness(desired, found, world);
  if (strange !== null) return blocked(desired, 'conflict', strange);
  if (desired.subnet !== null && !found.subnets.includes(desired.subnet)) {
    const has = found.subnets.join(', ') || 'none';
    const note = `it has subnet ${has}, Git says ${desired.subnet}; a network cannot change its subnet: remove it (docker network rm ${desired.name}) and Steward makes it anew`;
    return blocked(desired, 'conflict', note);
  }
  return { state: 'in-sync', data: { subnet: found.subnets[0] ?? null } };
}

/**
 * Why one that is there already, and that Steward did not make, is not taken for a network of the lab; null where it is:
 * it may be the LAN, or that of somebody else's stack.
 */
function strangeness(desired: DesiredNetwork, found: ObservedNetwork, world: World): string | null {
  const { name, service, waived = [] } = desired;
  if (labLabel in found.labels) return null;
  const advice = (rule: RuleId) =>
    `join another network, remove this one (docker network rm ${name}), or allow ${rule} in service.yaml of ${service} with a reason`;
  if (found.driver !== 'bridge' && !waived.includes('network-driver'))
    return `network ${name} was there before, and its driver is ${found.driver}: it may be the LAN, past the hub; ${advice('network-driver')}`;
  const services = [...world.desired.services, ...(service === null ? [] : [service])];
  if (
    homeOf(
      name,
      services.map((each) => ({ name: each })),
    ) !== null ||
    waived.includes('shared-network')
  )
    return null;
  return `network ${name} was there before, and is called after no service of this lab: it may be of a stack that is not in Git; ${advice('shared-network')}`;
}

function creation(desired: DesiredNetwork, subnet: string, world: World): Verdict {
  const labels = { [labLabel]: world.desired.labName };
  const change = quietChange(desired, 'create', {
    summary: subnet,
    reasons: [{ field: 'network', from: null, to: `${desired.name} ${subnet}`, origin: desired.origin }],
    steps: [{ op: 'network-create', network: desired.name, subnet, labels }],
    needs: desired.needs,
  });
  return { state: 'change', change, data: { subnet } };
}

export function prune(entry: InventoryEntry, world: World): Verdict {
  const { docker } = world.observed;
  if (!docker.known) return blocked(entry, 'unknown', docker.error);
  const found = world.networkByName.get(entry.name);
  if (found === undefined) return { state: 'gone' };
  if (!(labLabel in found.labels)) {
    const note = `no longer in Git; it was there before Steward, and stays (docker network rm ${entry.name})`;
    return report(entry, 'orphaned', note);
  }
  const users = docker.value.containers.filter((container) => container.networks[entry.name] === found.id);
  const attachment = idOf('hub-attachment', entry.name);
  const attached = isGoing(attachment, world)
    ? world.inventory.entries.get(attachment)?.data.container
    : null;
  const staying = users.filter(
    ({ name, project }) =>
      name !== attached && (project === null || !isGoing(idOf('compose-stack', project), world)),
  );
  if (staying.length > 0) {
    const names = staying.map((container) => container.name).join(', ');
    return blocked(entry, 'waiting', `no longer in Git, but still used by ${names}`);
  }
  const projects = [...new Set(users.flatMap((user) => (user.project === null ? [] : [user.project])))];
  const change = quietChange(entry, 'delete', {
    summary: 'no longer in Git',
    reasons: [{ field: 'network', from: entry.name, to: null, note: 'no longer in Git' }],
    steps: [{ op: 'network-remove', network: entry.name }],
    needs: [attachment, ...projects.map((project) => idOf('compose-stack', project))],
  });
  return { state: 'change', change, data: {} };
}

function isGoing(id: ResourceId, world: World): boolean {
  return world.inventory.entries.has(id) && !world.byId.has(id);
}
