import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import { guarded, type Store } from './store.ts';

/**
 * The backups and their repositories as Git last declared them: told of also while its newest commit is bad or cannot be
 * read, when none are made. Kept as they are; whoever changes their shape empties the table.
 */
export type Declared = Pick<DesiredState, 'resources' | 'suspended' | 'backupsAtOnce'>;

type Kept = Declared & {
  /**
   * What was declared once and is not any more, or was in another repository: its archives are read with it. The last comes
   * last. Absent in older state folders.
   */
  retired?: DesiredBackup[];
};

export function readDeclared(store: Store): Kept | null {
  return guarded(store.path, () => {
    const row = store.db.prepare('SELECT declared FROM declared_backups').get() as
      | { declared: string }
      | undefined;
    return row === undefined ? null : (JSON.parse(row.declared) as Kept);
  });
}

/** All that are declared, or were once. */
export function readDeclaredBackups(store: Store): DesiredBackup[] {
  const declared = readDeclared(store);
  return declared === null ? [] : [...backupsIn(declared.resources), ...(declared.retired ?? [])];
}

export function readRetired(store: Store): DesiredBackup[] {
  return readDeclared(store)?.retired ?? [];
}

/** All that was ever declared, as it was last: what is declared now comes last. */
export function readOnce(store: Store): DesiredBackup[] {
  const kept = readDeclared(store);
  return [...(kept?.retired ?? []), ...backupsIn(kept?.resources ?? [])];
}

function placeOf({ service, repository }: DesiredBackup): string {
  return `${service} ${repository.location}`;
}

/** What is known already is not written again. */
export function writeDeclared(store: Store, { resources, suspended, backupsAtOnce }: Declared): void {
  const kept = resources.filter(({ kind }) => kind === 'backup' || kind === 'borg-repository');
  const places = new Set(backupsIn(resources).map(placeOf));
  const retired = readOnce(store).filter((each) => !places.has(placeOf(each)));
  const declared: Kept = { resources: kept, suspended, backupsAtOnce, retired };
  const put = `INSERT INTO declared_backups VALUES (1, ?)
    ON CONFLICT (one) DO UPDATE SET declared = excluded.declared WHERE declared <> excluded.declared`;
  guarded(store.path, () => store.db.prepare(put).run(JSON.stringify(declared)));
}

function backupsIn(resources: Declared['resources']): DesiredBackup[] {
  return resources.filter((each) => each.kind === 'backup');
}
