import { closest } from 'fastest-levenshtein';
import type { ResourceId } from '../../desired-state/types.ts';
import { forgetRepository } from '../../reconciler/state/backups.ts';
import { readDeclared } from '../../reconciler/state/declared.ts';
import { forget, type InventoryEntry, readInventory } from '../../reconciler/state/inventory.ts';
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
  const { entries, backups } = readInventory(store);
  const location = locationOf(id, entries.get(id as ResourceId), store);
  if (!entries.has(id as ResourceId) && !backups.repositories.has(location ?? ''))
    throw new UserError(`Steward knows no ${id}${suggestion(id, [...entries.keys()].sort())}`);
  if (location !== null) forgetRepository(store, location);
  forget(store, id);
  process.stdout.write(`Forgot ${id}. Nothing on the host was touched.\n`);
  return 0;
}

/** Of a repository. One that was opened since the last cycle is in no inventory yet, and known all the same. */
function locationOf(id: string, entry: InventoryEntry | undefined, store: Store): string | null {
  if (entry !== undefined) return entry.kind === 'borg-repository' ? String(entry.data.location) : null;
  const declared = readDeclared(store)?.resources ?? [];
  const backup = declared.find((each) => each.kind === 'backup' && each.repositoryId === id);
  return backup?.kind === 'backup' ? backup.repository.location : null;
}

function suggestion(id: string, known: string[]): string {
  const similar = known.filter((each) => each.includes(id)).slice(0, 3);
  if (similar.length > 0) return `; did you mean ${similar.join(' or ')}?`;
  return known.length === 0
    ? '; nothing was changed on this host yet'
    : `; did you mean ${closest(id, known)}?`;
}
