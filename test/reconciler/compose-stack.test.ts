import { describe, expect, it } from 'vitest';
import type { DesiredStack } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { appliedData } from '../../reconciler/kinds/stack/reasons.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory, newServiceRecord } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const two = build.stack('photo', { containers: [build.container('server'), build.container('database')] });
const both = [build.seenContainer('server'), build.seenContainer('database')];

function planOf(
  stack: DesiredStack,
  containers: ObservedContainer[],
  inventory: Inventory = emptyInventory(),
) {
  return makePlan({ ...build.planInput([stack], build.observed({ containers })), inventory }).plan;
}

function applied(stack: DesiredStack): Inventory {
  const { id, kind, name, service } = stack;
  const data = { containers: appliedData(stack.containers) };
  const entry = { id, kind, name, service, ownedSince: 'a1', appliedCommit: 'a1', orphanedSince: null, data };
  return { ...emptyInventory(), entries: new Map([[id, entry]]) };
}

const ups = (plan: ReturnType<typeof planOf>) =>
  plan.changes.flatMap(({ steps }) =>
    steps.map((step) => ('services' in step ? `${step.op} ${step.services.join(' ')}`.trim() : step.op)),
  );

describe('a stack', () => {
  it('that is not there is brought up whole', () => {
    const plan = planOf(two, []);
    expect(ups(plan)).toEqual(['compose-up']);
    expect(plan.changes[0]).toMatchObject({
      verb: 'create',
      summary: '2 containers',
      disruption: { level: 'none' },
    });
  });

  it('whose containers agree is adopted untouched', () => {
    expect(planOf(two, both)).toMatchObject({ changes: [], blocked: [], inSync: [two.id] });
  });

  it('has exactly the container recreated whose configuration differs, and says which field', () => {
    const newer = build.stack('photo', {
      containers: [
        build.container('server', { configHash: 'hash-2', fields: { image: 'photo:2' } }),
        build.container('database'),
      ],
    });
    const plan = planOf(newer, both, applied(two));
    expect(ups(plan)).toEqual(['compose-up server']);
    expect(plan.changes[0]?.summary).toBe('recreates 1 of 2 containers, about 4 s down');
    expect(plan.changes[0]?.reasons).toMatchObject([
      { container: 'server', field: 'image', from: 'photo:1', to: 'photo:2', origin: { line: 4 } },
    ]);
  });

  it('never shows a value that may be secret', () => {
    const before = build.stack('photo', {
      containers: [build.container('server', { fields: { 'environment.PASS': '#aa' } })],
    });
    const after = build.stack('photo', {
      containers: [build.container('server', { configHash: 'h2', fields: { 'environment.PASS': '#bb' } })],
    });
    const [reason] =
      planOf(after, [build.seenContainer('server')], applied(before)).changes[0]?.reasons ?? [];
    expect(reason).toMatchObject({
      field: 'environment.PASS',
      from: null,
      to: null,
      note: 'changed; value not shown',
    });
  });

  it('says so when a container was changed by hand', () => {
    const found = [build.seenContainer('server', { configHash: 'by-hand' }), build.seenContainer('database')];
    const [reason] = planOf(two, found, applied(two)).changes[0]?.reasons ?? [];
    expect(reason?.note).toBe('changed by hand on the host');
  });

  it('says so too right after the first apply, when compose was not asked for hashes yet', () => {
    const unhashed = two.containers.map((item) => ({ ...item, configHash: null }));
    const inventory = applied({ ...two, containers: unhashed });
    const found = [build.seenContainer('server', { configHash: 'by-hand' }), build.seenContainer('database')];
    const [reason] = planOf(two, found, inventory).changes[0]?.reasons ?? [];
    expect(reason?.note).toBe('changed by hand on the host');
  });

  it('names the file whose change recreates a container', () => {
    const withFile = (digest: string, configHash: string) =>
      build.stack('photo', {
        containers: [
          build.container('server', {
            configHash,
            filesDigest: digest,
            files: { 'services/photo/a.conf': digest },
          }),
        ],
      });
    const plan = planOf(
      withFile('bbb', 'h2'),
      [build.seenContainer('server')],
      applied(withFile('aaa', 'hash-server')),
    );
    expect(plan.changes[0]?.reasons[0]?.note).toBe('services/photo/a.conf changed');
  });

  it.each<[string, Partial<ObservedContainer>]>([
    ['exited', { state: 'exited', exitCode: 137 }],
    ['created but never started', { state: 'created' }],
    ['dead', { state: 'dead' }],
  ])('has a container started again that is %s', (_name, over) => {
    const plan = planOf(two, [build.seenContainer('server', over), build.seenContainer('database')]);
    expect(ups(plan)).toEqual(['compose-up server']);
    expect(plan.changes[0]?.disruption.containers).toEqual([]);
  });

  it('is done with a one-shot that exited 0, and is not with one that failed', () => {
    const once = build.stack('photo', { containers: [build.container('migrate', { oneShot: true })] });
    const exited = (exitCode: number) => [build.seenContainer('migrate', { state: 'exited', exitCode })];
    expect(planOf(once, exited(0)).changes).toEqual([]);
    expect(ups(planOf(once, exited(3)))).toEqual(['compose-up migrate']);
  });

  it.each<[string, Partial<ObservedContainer>, string]>([
    ['restarts again and again', { state: 'restarting' }, 'again and again'],
    ['is unhealthy', { health: 'unhealthy' }, 'health check fails'],
    ['was paused', { state: 'paused' }, 'docker unpause'],
  ])('is not deployed again because a container %s: it is said instead', (_name, over, words) => {
    const plan = planOf(two, [build.seenContainer('server', over), build.seenContainer('database')]);
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'degraded' });
    expect(plan.blocked[0]?.reasons[0]?.note).toContain(words);
  });

  it('loses containers that its compose file no longer names', () => {
    const plan = planOf(two, [...both, build.seenContainer('cache')]);
    expect(plan.changes[0]?.steps).toEqual([{ op: 'container-remove', id: 'id-cache', name: 'photo-cache' }]);
  });

  it('leaves the containers of `docker compose run` alone', () => {
    expect(planOf(two, [...both, build.seenContainer('shell', { oneOff: true })]).changes).toEqual([]);
  });

  it('has containers recreated whose network was made anew', () => {
    const wanted = build.stack('photo', {
      containers: [build.container('server', { networks: ['photo_net'] })],
    });
    const found = [build.seenContainer('server', { networks: { photo_net: 'old' } })];
    const seen = build.observed({ containers: found, networks: [{ name: 'photo_net', id: 'new' }] });
    const { plan } = makePlan(build.planInput([wanted], seen));
    expect(plan.changes[0]?.steps[0]).toMatchObject({
      op: 'compose-up',
      services: ['server'],
      forceRecreate: true,
    });
  });

  it('keeps the networks that the hub has joined for routes', () => {
    const wanted = build.stack('photo', {
      containers: [build.container('server', { networks: ['photo_net'] })],
    });
    const joined = build.attachment('git_net', { hub: { stack: wanted.id, container: 'photo-server' } });
    const networks = [
      { name: 'photo_net', id: 'n1' },
      { name: 'git_net', id: 'n2' },
    ];
    const found = [build.seenContainer('server', { networks: { photo_net: 'n1', git_net: 'n2' } })];
    const seen = build.observed({ containers: found, networks });
    expect(makePlan(build.planInput([wanted, joined], seen)).plan.changes).toEqual([]);
  });

  it('has containers restarted that started above an unmounted dataset, after it is mounted', () => {
    const data = build.dataset('datapool/services/photo');
    const bindMounts = ['/datapool/services/photo/library'];
    const wanted = build.stack('photo', {
      needs: [data.id],
      containers: [build.container('server', { bindMounts })],
    });
    const seen = build.observed({
      containers: [build.seenContainer('server')],
      datasets: [build.seenDataset('datapool/services/photo', { mounted: false })],
    });
    const { plan } = makePlan(build.planInput([data, wanted], seen));
    expect(plan.changes.map(({ steps }) => steps[0]?.op)).toEqual(['zfs-mount', 'compose-restart']);
    expect(plan.changes[1]?.needs).toEqual([data.id]);
  });

  it('does not take a name that somebody else has', () => {
    const plan = planOf(two, [build.seenContainer('server', { project: null, service: null })]);
    expect(plan).toMatchObject({ changes: [], blocked: [{ state: 'conflict' }] });
  });

  it('starts nothing on a file that is a link, and lets run what runs', () => {
    const file = '/datapool/services/photo/acme.json';
    const stack = build.stack('photo', { containers: [build.container('server', { bindMounts: [file] })] });
    const planned = (containers: ObservedContainer[], type: 'link' | 'other') => {
      const paths = { [file]: { known: true as const, value: { type } } };
      return makePlan(build.planInput([stack], build.observed({ containers, paths }))).plan;
    };
    expect(planned([], 'link').blocked).toMatchObject([
      { state: 'conflict', reasons: [{ note: expect.stringContaining(`${file} is or goes through`) }] },
    ]);
    expect(ups(planned([], 'other'))).toEqual(['compose-up']);
    expect(planned([build.seenContainer('server')], 'link')).toMatchObject({ changes: [], blocked: [] });
  });

  it('is left alone while compose does not say what its configuration comes to', () => {
    const unhashed = build.stack('photo', { containers: [build.container('server', { configHash: null })] });
    expect(planOf(unhashed, [build.seenContainer('server')])).toMatchObject({
      changes: [],
      blocked: [{ state: 'unknown' }],
    });
  });

  it('with suspend is left exactly as it is, and said so', () => {
    const input = build.planInput([two], build.observed({}));
    const { plan } = makePlan({ ...input, desired: { ...input.desired, suspended: ['photo'] } });
    expect(plan).toMatchObject({ changes: [], blocked: [], reports: [{ state: 'suspended' }] });
  });

  it('that left Git is taken down; its containers only', () => {
    const plan = makePlan({
      ...build.planInput([], build.observed({ containers: both })),
      inventory: applied(two),
    }).plan;
    expect(plan.changes[0]).toMatchObject({
      verb: 'delete',
      steps: [{ op: 'compose-down', project: 'photo' }],
    });
  });
});

describe('a stack that keeps failing', () => {
  const record = (over: object) => ({
    ...newServiceRecord('photo'),
    attemptedInput: 'input-1',
    lastAttemptMs: 999_000,
    ...over,
  });
  const planWith = (over: object, stack = two) =>
    planOf(stack, [], { ...emptyInventory(), services: new Map([['photo', record(over)]]) });

  it('backs off after a failure', () => {
    const plan = planWith({ attempts: 1, lastFailed: true, lastError: 'no such image' });
    expect(plan).toMatchObject({ changes: [], blocked: [{ state: 'backing-off' }] });
    expect(plan.blocked[0]?.reasons[0]?.note).toContain('no such image');
  });

  it('is tried again when its time has come, or when Git changes it', () => {
    expect(planWith({ attempts: 1, lastFailed: true, lastAttemptMs: 900_000 }).changes).toHaveLength(1);
    const newer = { ...two, inputDigest: 'input-2' };
    expect(planWith({ attempts: 1, lastFailed: true }, newer).changes).toHaveLength(1);
  });

  it('is given up after eight failures in a row, however long ago', () => {
    const plan = planWith({ attempts: 8, lastFailed: true, lastAttemptMs: 0 });
    expect(plan).toMatchObject({ changes: [], blocked: [{ state: 'stalled' }] });
  });

  it('backs off too when every up succeeds and nothing lasts', () => {
    expect(planWith({ attempts: 3, lastFailed: false }).changes).toHaveLength(1);
    expect(planWith({ attempts: 4, lastFailed: false })).toMatchObject({
      blocked: [{ state: 'backing-off' }],
    });
  });

  it('is not held for days because the clock was set back', () => {
    expect(planWith({ attempts: 2, lastFailed: true, lastAttemptMs: 9e12 }).changes).toHaveLength(1);
  });
});
