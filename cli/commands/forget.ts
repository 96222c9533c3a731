import { closest } from 'fastest-levenshtein';
import type { ResourceId } from '../../desired-state/types.ts';
import { forgetRepository } from '../../reconciler/state/backups.ts';
import { forget, readInventory } from '../../reconciler/state/inventory.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { betweenCycles } from '../between-cycles.ts';
import { UserError } from '../errors.ts';
import { type Flags, readSettings } from '../settings.ts';

/** Takes a resource out of the inventory. Nothing on the host is touched. */
export async function forgetResource(id: string, flags: Flags): Promise<number> {
  const { stateDir } = readSettings(flags);
  const store = openStore(stateDir);
  try {
    return await betweenCycles(stateDir, 'forget', async () => forgetIn(store, id));
  } finally {
    store.close();
  }
}

function forgetIn(store: Store, id: string): number {
  const { entries } = readInventory(store);
  const entry = entries.get(id as ResourceId);
  if (entry === undefined)
    throw new UserError(`Steward knows no ${id}${suggestion(id, [...entries.keys()].sort())}`);
  if (entry.kind === 'borg-repository') forgetRepository(store, String(entry.data.location));
  forget(store, id);
  process.stdout.write(`Forgot ${id}. Nothing on the host was touched.\n`);
  return 0;
}

function suggestion(id: string, known: string[]): string {
  const similar = known.filter((each) => each.includes(id)).slice(0, 3);
  if (similar.length > 0) return `; did you mean ${similar.join(' or ')}?`;
  return known.length === 0
    ? '; nothing was changed on this host yet'
    : `; did you mean ${closest(id, known)}?`;
}
