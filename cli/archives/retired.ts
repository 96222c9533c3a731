import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import { readBackups } from '../../reconciler/state/backups.ts';
import { readOnce, readRetired } from '../../reconciler/state/declared.ts';
import { readInventory } from '../../reconciler/state/inventory.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { nearest, UserError } from '../errors.ts';

/** Backups that Git no longer declares: their archives are kept, and can be looked into. */

/** As they were last declared; not those whose repository was never made, or was forgotten. */
export function retiredBackups(store: Store): DesiredBackup[] {
  const { repositories } = readBackups(store);
  return readRetired(store).filter(({ repository }) => repositories.has(repository.location));
}

/** Where else the same service was backed up before, the last first. */
export function earlierBackups(
  { service, repository: { location } }: Pick<DesiredBackup, 'service' | 'repository'>,
  store: Store,
): DesiredBackup[] {
  const { repositories } = readBackups(store);
  return readOnce(store)
    .filter((each) => each.service === service && each.repository.location !== location)
    .filter(({ repository }) => repositories.has(repository.location))
    .reverse();
}

/** Why there is none of this service among those that Git declares, and what can be done. */
export function noBackup(name: string, { resources, services }: DesiredState, store: Store): UserError {
  const retired = retiredBackups(store);
  const own = retired.findLast(({ service }) => service === name);
  const location = own?.repository.location ?? lastLocation(name, store);
  if (location === null) {
    const known = [...resources.filter(({ kind }) => kind === 'backup'), ...retired];
    return new UserError(
      `there is no backup of ${name}${nearest(
        name,
        known.map((each) => each.name),
      )}`,
    );
  }
  const what = services.includes(name) ? 'its backup' : `services/${name}`;
  const instead =
    own === undefined
      ? `, or ask borg list ${location}`
      : '; steward archives, browse, extract and mount do without';
  return new UserError(
    `Git no longer declares a backup of ${name}; its archives are in ${location}. Put ${what} back into Git for that${instead}`,
  );
}

/** Of one that left before Steward kept more of it than that. */
function lastLocation(name: string, store: Store): string | null {
  for (const { kind, service, data } of readInventory(store).entries.values())
    if (kind === 'borg-repository' && service === name) return String(data.location);
  return null;
}
