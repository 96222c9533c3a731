import type { DesiredRecord } from '../../desired-state/types.ts';
import type { SeenName } from '../../observers/types.ts';
import { type DnsProvider, type DnsRecord, keepsMarks, placeOf } from '../../tools/dns/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Change, Reason, Step } from '../types.ts';
import { blocked, quietChange, report, type Verdict, type World } from '../world.ts';

/** Names of routes at a DNS server that others use too: only what we made is ever changed, or goes. */

/** What the inventory keeps of a record that is as Git says. */
interface Recorded extends Record<string, unknown> {
  address: string;
  provider: DnsProvider;
  /** False for one that somebody else had made just so: it stays when the route goes. */
  ours: boolean;
}

/** What stands beside a record, where a server can keep it: whose it is, also after the state was lost. */
export function labMark(labName: string): string {
  return `steward lab=${labName}`;
}

export function diff(desired: DesiredRecord, world: World): Verdict {
  const { name, address, provider } = desired;
  const seen = seenOf(name, world);
  if (typeof seen === 'string') return blocked(desired, 'unknown', seen);
  const recorded = recordedOf(world.inventory.entries.get(desired.id), provider);
  const ours = seen.mark === labMark(world.desired.labName) || recorded?.ours === true;
  if (seen.alias !== undefined)
    return blocked(desired, 'conflict', foreign(desired, [`an alias of ${seen.alias}`]));
  // Without the mark of today, as when the lab is called otherwise by now, nobody could remove it later.
  const isMarked = !ours || !keepsMarks(provider) || seen.mark === labMark(world.desired.labName);
  if (isOnly(seen, address) && seen.untold !== true && isMarked)
    return { state: 'in-sync', data: { address, provider, ours } };
  const data: Recorded = { address, provider, ours: true };
  const [present, ...more] = seen.addresses;
  if (present === undefined) return { state: 'change', change: putting(desired, null, seen, world), data };
  if (ours && more.length === 0)
    return { state: 'change', change: putting(desired, present, seen, world), data };
  return blocked(desired, 'conflict', foreign(desired, seen.addresses));
}

function seenOf(name: string, { observed }: World): SeenName | string {
  const { dns } = observed;
  if (dns === null || !dns.known) return dns?.error ?? 'the DNS server was not asked';
  return dns.value[name] ?? { addresses: [], mark: null };
}

/** Of another server it says nothing about this one. */
function recordedOf(entry: InventoryEntry | undefined, provider: DnsProvider): Recorded | undefined {
  const data = entry?.data as Recorded | undefined;
  return data !== undefined && isSameServer(data.provider, provider) ? data : undefined;
}

function isSameServer(a: DnsProvider | undefined, b: DnsProvider | null): boolean {
  if (a === undefined || b === null || a.provider !== b.provider || placeOf(a) !== placeOf(b)) return false;
  return a.provider !== 'rfc2136' || b.provider !== 'rfc2136' || a.port === b.port;
}

function isOnly({ addresses }: SeenName, address: string): boolean {
  return addresses.length === 1 && addresses[0] === address;
}

function foreign({ name, address, provider }: DesiredRecord, seen: readonly string[]): string {
  const found = seen.join(' and ');
  return `${placeOf(provider)} says that ${name} is ${found}, which Steward did not make; it should be ${address}: remove the record there, or the route here`;
}

function putting(desired: DesiredRecord, replaces: string | null, seen: SeenName, world: World): Change {
  const { name, address, provider, needs } = desired;
  const mark = labMark(world.desired.labName);
  return quietChange(desired, replaces === null ? 'create' : 'update', {
    summary: `${address} at ${placeOf(provider)}`,
    reasons: [whyPut(desired, replaces, seen, world)],
    steps: [{ op: 'dns-put', provider, mark, name, address, replaces }],
    needs,
  });
}

function whyPut(desired: DesiredRecord, replaces: string | null, seen: SeenName, world: World): Reason {
  const { address, origin } = desired;
  const reason: Reason = { field: 'address', from: replaces, to: address, origin };
  if (seen.untold === true) return { ...reason, note: 'the DNS server was not told of it' };
  if (replaces === address) {
    const note = `the mark beside it is ${seen.mark === null ? 'gone' : 'another one'}`;
    return { field: 'mark', from: seen.mark, to: labMark(world.desired.labName), origin, note };
  }
  const before = world.inventory.entries.get(desired.id)?.data as Recorded | undefined;
  const note = noteOf(replaces, before, desired);
  return note === null ? reason : { ...reason, note };
}

function noteOf(
  replaces: string | null,
  before: Recorded | undefined,
  { provider, address }: DesiredRecord,
): string | null {
  if (before === undefined) return null;
  // Nobody asks a server that lab.yaml no longer names: this is the only time that it is said.
  if (!isSameServer(before.provider, provider))
    return before.ours ? `its record at ${placeOf(before.provider)} stays there` : null;
  if (before.address !== address) return null;
  return replaces === null ? 'its record was removed by hand' : 'its record was changed by hand';
}

/** Only what we made, and only where it still is as we made it. */
export function prune(entry: InventoryEntry, world: World): Verdict {
  const { address, provider, ours } = entry.data as Recorded;
  if (!ours) return { state: 'gone' };
  const { dns } = world.desired;
  if (!isSameServer(provider, dns))
    return report(
      entry,
      'orphaned',
      `its record at ${placeOf(provider)} stays: lab.yaml no longer names that server`,
    );
  const seen = seenOf(entry.name, world);
  if (typeof seen === 'string') return blocked(entry, 'unknown', seen);
  if (!seen.addresses.includes(address)) return { state: 'gone' };
  const change = quietChange(entry, 'delete', {
    summary: 'no longer in Git',
    reasons: [{ field: 'address', from: address, to: null, note: 'no route has this name' }],
    // The server of today: its key may be another one by now.
    steps: removing({ name: entry.name, address }, dns ?? provider, seen, world),
    needs: [],
  });
  return { state: 'change', change, data: {} };
}

/** By the mark that stands there, which is of the name that the lab had then; where it is gone, it is put back before. */
function removing(record: DnsRecord, provider: DnsProvider, { mark }: SeenName, { desired }: World): Step[] {
  const common = { provider, mark: mark ?? labMark(desired.labName), ...record };
  const marking: Step = { op: 'dns-put', ...common, replaces: record.address };
  const isBare = mark === null && keepsMarks(provider);
  return [...(isBare ? [marking] : []), { op: 'dns-remove', ...common }];
}
