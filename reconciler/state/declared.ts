import type { DesiredState } from '../../desired-state/types.ts';
import { guarded, type Store } from './store.ts';

/**
 * The backups as Git last declared them: told of also while its newest commit is bad or cannot be read, when none are made.
 * Kept as they are; whoever changes their shape empties the table.
 */
export type Declared = Pick<DesiredState, 'resources' | 'suspended' | 'backupsAtOnce'>;

export function readDeclared(store: Store): Declared | null {
  return guarded(store.path, () => {
    const row = store.db.prepare('SELECT declared FROM declared_backups').get() as
      | { declared: string }
      | undefined;
    return row === undefined ? null : (JSON.parse(row.declared) as Declared);
  });
}

/** What is known already is not written again. */
export function writeDeclared(store: Store, { resources, suspended, backupsAtOnce }: Declared): void {
  const backups = resources.filter(({ kind }) => kind === 'backup');
  const declared: Declared = { resources: backups, suspended, backupsAtOnce };
  const put = `INSERT INTO declared_backups VALUES (1, ?)
    ON CONFLICT (one) DO UPDATE SET declared = excluded.declared WHERE declared <> excluded.declared`;
  guarded(store.path, () => store.db.prepare(put).run(JSON.stringify(declared)));
}
