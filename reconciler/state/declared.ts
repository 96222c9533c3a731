import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import { guarded, type Store } from './store.ts';

/**
 * The backups and their repositories as Git last declared them: told of also while its newest commit is bad or cannot be
 * read, when none are made. Kept as they are; whoever changes their shape empties the table.
 */
export type Declared = Pick<DesiredState, 'resources' | 'suspended' | 'backupsAtOnce'>;

type Kept = Declared & {
  /** What was declared once and is not any more: its archives are read with it. Absent in older state folders. */
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

/** What is known already is not written again. */
export function writeDeclared(store: Store, { resources, suspended, backupsAtOnce }: Declared): void {
  const kept = resources.filter(({ kind }) => kind === 'backup' || kind === 'borg-repository');
  const names = new Set(backupsIn(resources).map(({ service }) => service));
  const before = readDeclared(store);
  const once = [...(before?.retired ?? []), ...backupsIn(before?.resources ?? [])];
  const retired = once.filter(({ service }) => !names.has(service));
  const declared: Kept = { resources: kept, suspended, backupsAtOnce, retired };
  const put = `INSERT INTO declared_backups VALUES (1, ?)
    ON CONFLICT (one) DO UPDATE SET declared = excluded.declared WHERE declared <> excluded.declared`;
  guarded(store.path, () => store.db.prepare(put).run(JSON.stringify(declared)));
}

function backupsIn(resources: Declared['resources']): DesiredBackup[] {
  return resources.filter((each) => each.kind === 'backup');
}
