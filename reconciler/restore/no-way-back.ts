import { type Store, transaction } from '../state/store.ts';
import { dropUndo, type Undo } from '../state/undo.ts';
import { restoreId } from './names.ts';

/**
 * What the journal holds of restores of a service that ended half-way and can never be taken back, since a snapshot that
 * they would go back to is gone. Its data stays a mixture, and it stays down, until all of it is restored anew: only then
 * are these entries given up. `there`: the snapshots that its datasets have. Pure.
 */
export function withoutWayBack(
  entries: readonly Undo[],
  service: string,
  there: ReadonlySet<string>,
): Undo[] {
  const own = entries.filter(({ changeId, position }) => changeId === restoreId(service) && position < 0);
  const dead = new Set(own.flatMap(({ run, step }) => (isDead(step, there) ? [run] : [])));
  return own.filter(
    ({ run, step }) => dead.has(run) && ['zfs-rollback', 'containers-stop'].includes(step.op),
  );
}

function isDead(step: Undo['step'], there: ReadonlySet<string>): boolean {
  return step.op === 'zfs-rollback' && step.snapshots.some((snapshot) => !there.has(snapshot));
}

/** Once its data is whole again. What else they have left, such as containers to be started, is put right as ever. */
export function giveUpWayBack(store: Store, entries: readonly Undo[]): void {
  transaction(store, () => {
    for (const { changeId, run, position } of entries) dropUndo(store, { changeId, run }, [position]);
  });
}
