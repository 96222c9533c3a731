import type { DesiredState } from '../desired-state/types.ts';
import type { Inventory } from './state/inventory.ts';
import type { Reason } from './types.ts';

/**
 * An emptied folder must not take the lab with it (peers.md: an emptied folder removes every stack). A commit that
 * removes all services, or more than both limits allow, waits for a person.
 */
export function heldReason(desired: DesiredState, inventory: Inventory): Reason | null {
  const known = [...inventory.entries.values()].filter((entry) => entry.kind === 'compose-stack');
  const declared = new Set(desired.services);
  const removed = known.filter((entry) => !declared.has(entry.name)).map((entry) => entry.name);
  if (removed.length === 0 || inventory.approvals.has(desired.commit.id)) return null;
  const { removalCount, removalPercent } = desired.limits;
  const percent = Math.round((removed.length / known.length) * 100);
  const all = removed.length === known.length;
  if (!all && !(removed.length > removalCount && percent > removalPercent)) return null;
  const counts = `removes ${removed.length} of ${services(known.length)} (${percent} %): ${removed.sort().join(', ')}`;
  const limit = all
    ? 'Removing every service'
    : `More than ${removalCount} and more than ${removalPercent} %`;
  return {
    field: 'limits.removals',
    from: services(known.length),
    to: services(known.length - removed.length),
    note: `${counts}. ${limit} waits for a person: until \`steward approve ${desired.commit.id.slice(0, 12)}\` nothing is done but backups, by the commit in force, and nothing is pruned`,
  };
}

function services(count: number): string {
  return `${count} service${count === 1 ? '' : 's'}`;
}
