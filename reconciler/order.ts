import type { ResourceId } from '../desired-state/types.ts';
import { rankOf } from './kinds/index.ts';
import type { Change } from './types.ts';

/**
 * Removals first, since they free names, ports and subnets, in reverse order of creation; then creations and updates
 * in the order of their kinds. Needs come before what needs them; ties are broken by id, so that equal plans are
 * equal texts.
 */
export function inOrder(changes: Change[]): Change[] {
  const sorted = [...changes].sort(compare);
  const byId = new Map(sorted.map((change) => [change.id, change]));
  const done = new Set<ResourceId>();
  const result: Change[] = [];
  const visit = (change: Change, path: Set<ResourceId>): void => {
    if (done.has(change.id) || path.has(change.id)) return;
    const deeper = new Set(path).add(change.id);
    for (const id of change.needs) {
      const need = byId.get(id);
      if (need !== undefined) visit(need, deeper);
    }
    done.add(change.id);
    result.push(change);
  };
  for (const change of sorted) visit(change, new Set());
  return result;
}

function compare(a: Change, b: Change): number {
  const [deleteA, deleteB] = [a.verb === 'delete', b.verb === 'delete'];
  if (deleteA !== deleteB) return deleteA ? -1 : 1;
  const rank = deleteA ? rankOf(b.kind) - rankOf(a.kind) : rankOf(a.kind) - rankOf(b.kind);
  return rank !== 0 ? rank : a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
