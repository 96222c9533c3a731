import type { ResourceId } from '../../desired-state/types.ts';
import { forgetRepository } from '../../reconciler/state/backups.ts';
import { readDeclared } from '../../reconciler/state/declared.ts';
import { forget, type InventoryEntry, readInventory } from '../../reconciler/state/inventory.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { betweenCycles } from '../between-cycles.ts';
import { nearest, UserError } from '../errors.ts';
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
  const repository = repositoryCalled(id, entries.get(id as ResourceId), store);
  if (!entries.has(id as ResourceId) && !backups.repositories.has(repository?.location ?? ''))
    throw new UserError(`Steward knows no ${id}${suggestion(id, [...entries.keys()].sort())}`);
  if (repository !== null) forgetRepository(store, repository.location, repository.service);
  forget(store, id);
  process.stdout.write(`Forgot ${id}. Nothing on the host was touched.\n`);
  return 0;
}

/** One that was opened since the last cycle is in no inventory yet, and known all the same. Null: it is no repository. */
function repositoryCalled(
  id: string,
  entry: InventoryEntry | undefined,
  store: Store,
): { location: string; service: string | null } | null {
  if (entry !== undefined) {
    const { kind, service, data } = entry;
    return kind === 'borg-repository' ? { location: String(data.location), service } : null;
  }
  const declared = readDeclared(store)?.resources ?? [];
  const found = declared.find((each) => each.kind === 'backup' && each.repositoryId === id);
  return found?.kind === 'backup' ? { location: found.repository.location, service: found.service } : null;
}

function suggestion(id: string, known: string[]): string {
  const similar = known.filter((each) => each.includes(id)).slice(0, 3);
  if (similar.length > 0) return `; did you mean ${similar.join(' or ')}?`;
  return known.length === 0 ? '; nothing was changed on this host yet' : nearest(id, known);
}
