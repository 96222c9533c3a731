import type { DesiredOf, DesiredResource, Kind } from '../../desired-state/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Verdict, World } from '../world.ts';
import * as backup from './backup.ts';
import * as borgRepository from './borg-repository.ts';
import * as caddyRoute from './caddy-route.ts';
import * as composeStack from './compose-stack.ts';
import * as directory from './directory.ts';
import * as dnsRecord from './dns-record.ts';
import * as dockerNetwork from './docker-network.ts';
import * as group from './group.ts';
import * as hubAttachment from './hub-attachment.ts';
import * as zfsDataset from './zfs-dataset.ts';

interface KindModule<K extends Kind> {
  /** What one declared resource needs, looking at nothing but the world. */
  diff(desired: DesiredOf<K>, world: World): Verdict;
  /** What becomes of something recorded that Git no longer declares. */
  prune(entry: InventoryEntry, world: World): Verdict;
}

/** In the order of creation; removal runs in reverse. */
const registry = {
  group,
  'zfs-dataset': zfsDataset,
  directory,
  'docker-network': dockerNetwork,
  'compose-stack': composeStack,
  'hub-attachment': hubAttachment,
  'caddy-route': caddyRoute,
  'dns-record': dnsRecord,
  'borg-repository': borgRepository,
  backup,
} satisfies { [K in Kind]: KindModule<K> };

export function diffResource(desired: DesiredResource, world: World): Verdict {
  // The compiler cannot see that kind and module go together; the registry's type has made sure of it.
  const module = registry[desired.kind] as KindModule<Kind>;
  return module.diff(desired, world);
}

export function pruneEntry(entry: InventoryEntry, world: World): Verdict {
  return registry[entry.kind].prune(entry, world);
}

const ranks = new Map(Object.keys(registry).map((kind, index) => [kind, index]));

export function rankOf(kind: Kind): number {
  return ranks.get(kind) ?? ranks.size;
}
