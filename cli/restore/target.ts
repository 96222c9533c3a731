import path from 'node:path';
import type { DesiredBackup } from '../../desired-state/types.ts';
import { readRestoring } from '../../reconciler/state/inventory.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { UserError } from '../errors.ts';

/** What a person wants restored. All of these throw UserError. */

/** Relative to the service's dataset, as Borg has it; given so, or as the whole path on this host. */
export function pathsToRestore({ datasets }: DesiredBackup, given: string | undefined): string[] {
  if (given === undefined) return [];
  const root = datasets[0]?.mountpoint ?? '/';
  const relative = path.relative(root, path.resolve(root, given));
  if (relative === '' && given !== '') return [];
  if (given === '' || relative === '..' || relative.startsWith('../'))
    throw new UserError(`${JSON.stringify(given)} is not below ${root}; nothing was done`);
  return [relative];
}

/** A sentence why nothing can be restored now; null where it can. */
export function whatHinders({ service }: DesiredBackup, store: Store): string | null {
  return readRestoring(store).get(service) ?? null;
}
