import path from 'node:path';
import type { DesiredBackup } from '../../desired-state/types.ts';
import { type ArchiveRecord, readBackups } from '../../reconciler/state/backups.ts';
import { readRestoring } from '../../reconciler/state/inventory.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { nearest, UserError } from '../errors.ts';

/** What a person wants restored. All of these throw UserError. */

/** The newest one where none is named, of those that Steward knows of. */
export function archiveToRestore(
  { repository, service }: DesiredBackup,
  name: string | undefined,
  store: Store,
): ArchiveRecord {
  const known = readBackups(store).archives.get(repository.location) ?? [];
  const own = known.filter((archive) => archive.name.startsWith(`${service}-`));
  const found = name === undefined ? own[0] : known.find((archive) => archive.name === name);
  if (found !== undefined) return found;
  if (name === undefined) throw new UserError(`there is no archive of ${service} yet; nothing was done`);
  const names = known.map((archive) => archive.name);
  throw new UserError(`there is no archive ${name} in ${repository.location}${nearest(name, names)}`);
}

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
