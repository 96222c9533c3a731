import type { DesiredRepository } from '../../desired-state/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { report, type Verdict, type World } from '../world.ts';

export function diff(_desired: DesiredRepository, _world: World): Verdict {
  return { state: 'in-sync', data: {} };
}

export function prune(entry: InventoryEntry, _world: World): Verdict {
  return report(entry, 'orphaned', 'its archives are kept');
}
