import { forget, readInventory } from '../../reconciler/state/inventory.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { UserError } from '../errors.ts';
import { type Flags, readSettings } from '../settings.ts';

/** Takes a resource out of the inventory. Nothing on the host is touched. */
export async function forgetResource(id: string, flags: Flags): Promise<number> {
  const store = openStore(readSettings(flags).stateDir);
  try {
    if (!forget(store, id)) {
      const similar = [...readInventory(store).entries.keys()].filter((known) => known.includes(id)).sort();
      const hint = similar.length > 0 ? `; did you mean ${similar.slice(0, 3).join(' or ')}?` : '';
      throw new UserError(`Steward knows no ${id}${hint}`);
    }
    process.stdout.write(`Forgot ${id}. Nothing on the host was touched.\n`);
    return 0;
  } finally {
    store.close();
  }
}
