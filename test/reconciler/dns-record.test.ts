import { describe, expect, it } from 'vitest';
import type { DesiredRecord, DesiredState } from '../../desired-state/types.ts';
import type { SeenName } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const address = '192.168.1.100';
const mark = 'steward lab=homelab';

interface Case {
  seen?: Partial<SeenName>;
  recorded?: Record<string, unknown>;
  declared?: DesiredRecord[];
  over?: Partial<DesiredState>;
  error?: string;
}

function planOf({ seen = {}, recorded, declared = [build.record()], over = {}, error }: Case) {
  const names = { 'photo.lan': { addresses: [], mark: null, ...seen } };
  const dns = error === undefined ? { known: true as const, value: names } : { known: false as const, error };
  const entry = { id: 'dns-record:photo.lan', kind: 'dns-record', name: 'photo.lan', service: 'photo' };
  const inventory = emptyInventory();
  if (recorded !== undefined)
    inventory.entries.set('dns-record:photo.lan', { ...entry, data: recorded } as unknown as InventoryEntry);
  const desired = build.desired(declared, { dns: build.dnsServer, ...over });
  return makePlan({ desired, observed: build.observed({ dns }), inventory, nowMs: 1 });
}

const rfc2136 = {
  ...{ provider: 'rfc2136' as const, server: '10.0.0.1', port: 53 },
  ...{ zone: 'lan', keyFile: null, ttl: 300 },
};
const ours = { address, provider: build.dnsServer, ours: true };

describe('a name', () => {
  it('that nobody knows gets the address of the hub', () => {
    const [change, ...others] = planOf({}).plan.changes;
    expect(change).toMatchObject({ verb: 'create', summary: `${address} at /srv/dns/hosts` });
    expect(change?.steps).toEqual([
      { op: 'dns-put', provider: build.dnsServer, mark, name: 'photo.lan', address, replaces: null },
    ]);
    expect([change?.disruption.level, others]).toEqual(['none', []]);
  });

  it('that is as it should be is left alone, and whoever made it keeps it', () => {
    const { plan, data } = planOf({ seen: { addresses: [address] } });
    expect(plan.changes).toEqual([]);
    expect(data.get('dns-record:photo.lan')).toEqual({ ...ours, ours: false });
  });

  it('whose record was lost from the state is known by its mark', () => {
    const { data } = planOf({ seen: { addresses: [address], mark } });
    expect(data.get('dns-record:photo.lan')).toEqual(ours);
  });

  it('that somebody else leads elsewhere is left alone, with both addresses', () => {
    const { plan } = planOf({ seen: { addresses: ['10.0.0.7'] } });
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'conflict' });
    expect(plan.blocked[0]?.reasons[0]?.note).toBe(
      `/srv/dns/hosts says that photo.lan is 10.0.0.7, which Steward did not make; it should be ${address}: remove the record there, or the route here`,
    );
  });

  it('that has a second address of somebody else is left alone too', () => {
    const seen = { addresses: [address, 'fd00::7'], mark };
    expect(planOf({ seen, recorded: ours }).plan.blocked[0]?.state).toBe('conflict');
  });

  it('of ours that was changed by hand is put right, and follows the hub', () => {
    const seen = { addresses: ['10.0.0.7'] };
    expect(planOf({ seen, recorded: ours }).plan.changes[0]).toMatchObject({
      verb: 'update',
      reasons: [{ field: 'address', from: '10.0.0.7', to: address, note: 'its record was changed by hand' }],
      steps: [{ replaces: '10.0.0.7' }],
    });
    const moved = planOf({ seen, recorded: { ...ours, address: '10.0.0.7' } }).plan.changes[0];
    expect(moved?.reasons[0]).not.toHaveProperty('note');
  });

  it('that the server was not told of is told once more', () => {
    const [change] = planOf({ seen: { addresses: [address], mark, untold: true } }).plan.changes;
    expect(change).toMatchObject({
      verb: 'update',
      reasons: [{ note: 'the DNS server was not told of it' }],
      steps: [{ address, replaces: address }],
    });
  });

  it('that is an alias is left alone, also where it was ours once', () => {
    const { plan } = planOf({ seen: { alias: 'elsewhere.lan' }, recorded: ours });
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]?.reasons[0]?.note).toBe(
      `/srv/dns/hosts says that photo.lan is an alias of elsewhere.lan, which Steward did not make; it should be ${address}: remove the record there, or the route here`,
    );
  });

  it.each([
    ['server', { server: '10.0.0.2' }],
    ['port', { port: 5353 }],
    ['zone', { zone: 'other.lan' }],
  ])('that moves to another %s says that its record at the old one stays', (_what, over) => {
    const bind = { ...rfc2136, ...over };
    const declared = [build.record('photo.lan', { provider: bind })];
    const [change] = planOf({ declared, recorded: { ...ours, provider: rfc2136 }, over: { dns: bind } }).plan
      .changes;
    expect(change?.reasons[0]?.note).toBe('its record at the DNS server 10.0.0.1 (zone lan) stays there');
  });

  const kept = { ...ours, provider: rfc2136 };
  const atBind = {
    declared: [build.record('photo.lan', { provider: rfc2136 })],
    recorded: kept,
    over: { dns: rfc2136 },
  };

  it.each([
    ['of the name that the lab had before', 'steward lab=old', 'the mark beside it is another one'],
    ['gone', null, 'the mark beside it is gone'],
  ])('whose mark is %s is marked anew, so that it can go one day', (_what, before, note) => {
    const [change] = planOf({ ...atBind, seen: { addresses: [address], mark: before } }).plan.changes;
    expect(change).toMatchObject({
      verb: 'update',
      reasons: [{ field: 'mark', from: before, to: mark, note }],
      steps: [{ op: 'dns-put', mark, address, replaces: address }],
    });
  });

  it.each([
    ['that is marked as ours', { ...atBind, seen: { addresses: [address], mark } }],
    ['of somebody else', { ...atBind, recorded: { ...kept, ours: false }, seen: { addresses: [address] } }],
    ['at a server that keeps no marks', { recorded: ours, seen: { addresses: [address] } }],
  ])('%s is not marked', (_what, over) => {
    expect(planOf(over).plan.changes).toEqual([]);
  });

  it('is not judged where the server does not answer', () => {
    const { plan } = planOf({ error: 'the DNS server 10.0.0.1 does not answer', recorded: ours });
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'unknown' });
  });
});

describe('a name that left Git', () => {
  const gone = { declared: [] };

  it('goes where we made it', () => {
    const [change] = planOf({ ...gone, seen: { addresses: [address], mark }, recorded: ours }).plan.changes;
    expect(change).toMatchObject({ verb: 'delete' });
    expect(change?.steps).toEqual([
      { op: 'dns-remove', provider: build.dnsServer, mark, name: 'photo.lan', address },
    ]);
  });

  it('goes by the mark that it has, and where that is gone it gets one before', () => {
    const stepsOf = (before: string | null) => {
      const seen = { addresses: [address], mark: before };
      const recorded = { ...ours, provider: rfc2136 };
      return planOf({ ...gone, seen, recorded, over: { dns: rfc2136 } }).plan.changes[0]?.steps;
    };
    const record = { provider: rfc2136, name: 'photo.lan', address };
    expect(stepsOf('steward lab=old')).toEqual([{ op: 'dns-remove', ...record, mark: 'steward lab=old' }]);
    expect(stepsOf(null)).toEqual([
      { op: 'dns-put', ...record, mark, replaces: address },
      { op: 'dns-remove', ...record, mark },
    ]);
  });

  it.each([
    ['somebody else had made it', { addresses: [address] }, { ...ours, ours: false }],
    ['it leads elsewhere by now', { addresses: ['10.0.0.7'] }, ours],
    ['it is gone', { addresses: [] }, ours],
  ])('is forgotten where %s', (_what, seen, recorded) => {
    const planned = planOf({ ...gone, seen, recorded });
    expect([planned.plan.changes, planned.gone]).toEqual([[], ['dns-record:photo.lan']]);
  });

  it('stays, and is told, where lab.yaml no longer names the server', () => {
    const { plan } = planOf({ ...gone, recorded: ours, over: { dns: null } });
    expect(plan.changes).toEqual([]);
    expect(plan.reports[0]?.reasons[0]?.note).toBe(
      'its record at /srv/dns/hosts stays: lab.yaml no longer names that server',
    );
  });
});
