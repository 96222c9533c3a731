import type { DesiredBackup } from '../../desired-state/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Verdict, World } from '../world.ts';

export function diff(_desired: DesiredBackup, _world: World): Verdict {
  return { state: 'in-sync', data: {} };
}

export function prune(_entry: InventoryEntry, _world: World): Verdict {
  return { state: 'gone' };
}
