import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgetRepository, readBackups } from '../../../reconciler/state/backups.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

const dayMs = 86_400_000;
const names = ['photo-db', 'photo-server'];

const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
  build.dataset('datapool/services/photo/database', { needs: ['zfs-dataset:datapool/services/photo'] }),
  build.stack('photo', { containers: [build.container('db'), build.container('server')] }),
  build.repository(),
  build.backup('photo', {
    hooks: {
      before: [{ container: 'db', argv: ['checkpoint'], timeoutSeconds: 60 }],
      after: [{ container: 'db', argv: ['go-on'], timeoutSeconds: 60 }],
    },
    datasets: [
      { name: 'datapool/services/photo', mountpoint: '/datapool/services/photo' },
      { name: 'datapool/services/photo/database', mountpoint: '/datapool/services/photo/database' },
    ],
  }),
]);

let lab: LabRun;

beforeEach(async () => {
  lab = labRun(desired);
  await lab.cycle();
  lab.later(60_000);
});

afterEach(() => lab.end());

async function running(): Promise<string[]> {
  const found = await lab.host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return found.value
    .filter(({ state }) => state === 'running')
    .map(({ name }) => name)
    .sort();
}

const archives = () => [...lab.host.state.archives.values()].map(({ name }) => name).sort();
const snapshots = () => [...lab.host.state.snapshots.values()].map(({ name }) => name);
const opsSince = (from: number) => lab.host.steps.slice(from).map(({ op }: Step) => op);

async function aDayLater() {
  lab.later(dayMs);
  return lab.beside(await lab.cycle());
}

describe('a backup', () => {
  it('is not due before its first tick', async () => {
    const cycle = await lab.cycle();
    expect(cycle.plan?.changes.map(({ id }) => id)).toEqual(['borg-repository:datapool/services/photo']);
  });

  it('makes the repository, stops, snapshots, starts, archives and clears away, in this order', async () => {
    const before = lab.host.steps.length;
    const outcomes = await aDayLater();
    expect(outcomes.map(({ change, result }) => `${result} ${change.id}`)).toEqual([
      'applied borg-repository:datapool/services/photo',
      'applied backup:photo',
    ]);
    expect(opsSince(before)).toEqual([
      'borg-init',
      'container-exec',
      'containers-stop',
      'zfs-snapshot',
      'containers-start',
      'container-exec',
      'borg-create',
      'zfs-destroy-snapshots',
    ]);
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
    expect(await running()).toEqual(names);
    expect(snapshots()).toEqual([]);
  });

  it('leaves nothing to do, and no undo', async () => {
    await aDayLater();
    const { plan } = await lab.cycle();
    expect(plan).toMatchObject({ changes: [], blocked: [] });
    expect(readUndo(lab.store())).toEqual([]);
    expect(readRuns(lab.store(), 'photo', 10)).toMatchObject([
      { result: 'done', archive: 'photo-2023-11-15T02:30:00Z', error: null },
    ]);
  });

  it('is made up for once after a week without power', async () => {
    await aDayLater();
    lab.later(7 * dayMs);
    await lab.beside(await lab.cycle());
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z', 'photo-2023-11-22T02:30:00Z']);
  });

  it('leaves a container alone that did not run before', async () => {
    lab.host.drift({ drift: 'killContainer', name: 'photo-server' });
    lab.later(dayMs);
    const cycle = await lab.cycle({ dry: true });
    const change = cycle.plan?.changes.find(({ kind }) => kind === 'backup');
    const stop = change?.steps.find(({ op }) => op === 'containers-stop');
    expect(stop).toMatchObject({ containers: [{ name: 'photo-db' }] });
  });

  it('prunes by its own retention, by name', async () => {
    for (let day = 0; day < 9; day += 1) await aDayLater();
    expect(archives()).toHaveLength(7);
    expect(archives()[0]).toBe('photo-2023-11-17T02:30:00Z');
    const known = readBackups(lab.store()).archives.get('/backup/datapool_services_photo') ?? [];
    expect(known.map(({ name }) => name).sort()).toEqual(archives());
  });
});

const where = ['nothing', 'half', 'all'] as const;
const ops: Step['op'][] = [
  'borg-init',
  'container-exec',
  'containers-stop',
  'zfs-snapshot',
  'containers-start',
  'borg-create',
  'zfs-destroy-snapshots',
];
const places = ops.flatMap((op) => where.map((after) => [op, after] as const));

function faultAt(op: Step['op'], after: StepFault['after'], how: StepFault['how']): void {
  lab.host.faults = { steps: [{ when: { op }, how, after }] };
}

describe('when the process dies', () => {
  it.each(places)(
    'at %s with %s of it done, all is put right and the tick is made up for',
    async (op, after) => {
      lab.later(dayMs);
      const cycle = await lab.cycle();
      faultAt(op, after, 'freeze');
      await Promise.race([lab.beside(cycle), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      expect(await running()).toEqual(names);
      expect(snapshots()).toEqual([]);
      expect(readUndo(lab.store())).toEqual([]);
      await lab.beside(await lab.cycle());
      // What was in doubt has been read again by now.
      await lab.beside(await lab.cycle());
      expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
      expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [] });
    },
  );
});

describe('when a step fails', () => {
  it.each(places)('at %s with %s of it done, the service runs, and it is tried again', async (op, after) => {
    faultAt(op, after, 'fail');
    const outcomes = await aDayLater();
    expect(outcomes.map(({ result }) => result)).toContain('failed');
    expect(await running()).toEqual(names);
    if (op !== 'zfs-destroy-snapshots') expect(snapshots()).toEqual([]);
    lab.later(3_600_000);
    await lab.settleRuns();
    await lab.beside(await lab.cycle());
    lab.later(3_600_000);
    await lab.beside(await lab.cycle());
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
    expect(snapshots()).toEqual([]);
    expect(readUndo(lab.store())).toEqual([]);
  });
});

describe('when the service does not come up again after the snapshot', () => {
  it.each(['nothing', 'all'] as const)(
    'with %s done, there is an archive all the same, and it is said',
    async (after) => {
      faultAt('containers-start', after, 'fail');
      const outcomes = await aDayLater();
      expect(outcomes.at(-1)).toMatchObject({ result: 'failed' });
      expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
      expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([
        { result: 'failed', archive: 'photo-2023-11-15T02:30:00Z' },
      ]);
      expect(await running()).toEqual(names);
      expect(snapshots()).toEqual([]);
      expect(readUndo(lab.store())).toEqual([]);
      expect((await lab.cycle()).plan?.changes).toEqual([]);
    },
  );

  it('that is still said when its repository has answered', async () => {
    faultAt('containers-start', 'all', 'fail');
    await aDayLater();
    const said = () => readBackups(lab.store()).services.get('photo')?.lastError;
    const error = said();
    lab.later(3_600_000);
    const [listed] = await lab.beside(await lab.cycle());
    expect(listed).toMatchObject({ result: 'applied', change: { kind: 'borg-repository' } });
    expect(error).not.toBeNull();
    expect(said()).toBe(error);
  });

  it('the cycles are not held back while the archive is made', async () => {
    const events: string[] = [];
    lab.later(dayMs);
    const cycle = await lab.cycle();
    faultAt('containers-start', 'nothing', 'fail');
    const { executor } = lab.host;
    await lab.beside(cycle, {
      holdCycles: async () => ({ release: () => events.push('released') }),
      executor: {
        execute: (step, options) => {
          events.push(step.op);
          return executor.execute(step, options);
        },
      },
    });
    expect(events.indexOf('released')).toBeLessThan(events.indexOf('borg-create'));
    expect(events).toContain('released');
  });
});

describe('after a failure', () => {
  beforeEach(async () => {
    await aDayLater();
    faultAt('borg-create', 'nothing', 'fail');
    await aDayLater();
  });

  it('a tick waits for its next attempt, and does not stop the service meanwhile', async () => {
    const { plan } = await lab.cycle();
    expect(plan?.changes).toEqual([]);
    expect(plan?.blocked.map(({ id, state }) => `${state} ${id}`)).toEqual([
      'backing-off backup:photo',
      'backing-off borg-repository:datapool/services/photo',
    ]);
  });

  it('who asks for a backup by hand does not wait', async () => {
    const asked = { services: ['photo'], atMs: lab.now(), together: false };
    const outcomes = await lab.beside(await lab.cycle({ dry: true, asked }));
    expect(outcomes.map(({ change, result }) => `${result} ${change.id}`)).toEqual([
      'applied borg-repository:datapool/services/photo',
      'applied backup:photo',
    ]);
    expect(archives()).toHaveLength(2);
  });

  it('where the repository cannot be read again, the service is not stopped for nothing', async () => {
    lab.host.state.repositories.delete('/backup/datapool_services_photo');
    lab.later(3_600_000);
    const before = lab.host.steps.length;
    const outcomes = await lab.beside(await lab.cycle());
    expect(opsSince(before)).toEqual(['borg-list']);
    expect(outcomes.map(({ result }) => result)).toEqual(['failed', 'skipped']);
    expect(lab.host.state.repositories.size).toBe(0);
  });

  it('another repository in its place is used only once the old one is forgotten', async () => {
    const location = '/backup/datapool_services_photo';
    lab.host.state.repositories.set(location, { location, encryption: 'repokey-blake2', id: 'another' });
    lab.later(3_600_000);
    const [listed] = await lab.beside(await lab.cycle());
    expect(listed).toMatchObject({ result: 'failed', error: expect.stringContaining('is not the one') });
    forgetRepository(lab.store(), location);
    lab.later(3_600_000);
    const outcomes = await lab.beside(await lab.cycle());
    expect(outcomes.map(({ change, result }) => `${result} ${change.verb} ${change.kind}`)).toEqual([
      'applied create borg-repository',
      'applied run backup',
    ]);
    expect(readBackups(lab.store()).repositories.get(location)?.borgId).toBe('another');
  });
});

describe('nothing is pruned', () => {
  const keepOne = build.backup('photo', { retention: { daily: 1 } });

  beforeEach(async () => {
    lab.push({
      ...desired,
      resources: [...desired.resources.filter(({ kind }) => kind !== 'backup'), keepOne],
    });
    for (let file = 0; file < 10; file += 1) lab.host.writeData(`/datapool/services/photo/file-${file}`);
    await aDayLater();
  });

  it('when the archive was not made', async () => {
    faultAt('borg-create', 'nothing', 'fail');
    const [outcome] = await aDayLater();
    expect(outcome).toMatchObject({ result: 'failed' });
    expect(archives()).toHaveLength(1);
  });

  it('when far fewer files are in it than before, and it says so', async () => {
    for (const path of [...lab.host.state.paths.values()])
      if (path.type === 'file' && path.path.startsWith('/file-'))
        lab.host.state.paths.delete(`${path.filesystem}:${path.path}`);
    const [outcome] = await aDayLater();
    expect(outcome?.result).toBe('applied');
    expect(outcome?.notes?.join()).toMatch(/nothing was pruned: photo-.* has \d+ files, fewer than the \d+/);
    expect(archives()).toHaveLength(2);
    // Nor the night after: what collapsed once must not become the measure.
    const [next] = await aDayLater();
    expect(next?.notes?.join()).toMatch(/nothing was pruned/);
    expect(archives()).toHaveLength(3);
  });
});

describe('all at one instant', () => {
  const two = build.desired([
    ...desired.resources,
    build.dataset('datapool/services/git', { needs: ['zfs-dataset:datapool/services'] }),
    build.stack('git', { containers: [build.container('gitea', { containerName: 'git-gitea' })] }),
    build.repository('git'),
    build.backup('git'),
  ]);

  beforeEach(async () => {
    lab.push(two);
    await aDayLater();
    await aDayLater();
  });

  const asked = () => ({ services: ['photo', 'git'], atMs: lab.now(), together: true });

  it('is one stop, one snapshot of everything and one start', async () => {
    lab.later(60_000);
    const before = lab.host.steps.length;
    const cycle = await lab.cycle({ dry: true, asked: asked() });
    const outcomes = await lab.beside(cycle);
    expect(outcomes.map(({ change, result }) => `${result} ${change.id}`)).toEqual([
      'applied backup:together',
    ]);
    expect(opsSince(before).filter((op) => !/^container-exec$|delete|compact/.test(op))).toEqual([
      'containers-stop',
      'zfs-snapshot',
      'containers-start',
      'borg-create',
      'zfs-destroy-snapshots',
      'borg-create',
      'zfs-destroy-snapshots',
    ]);
    expect(
      readRuns(lab.store(), null, 2)
        .map(({ service, result }) => `${service} ${result}`)
        .sort(),
    ).toEqual(['git done', 'photo done']);
  });

  it('each prunes after its own archive, also where the first one is held back', async () => {
    const keepOne = two.resources.map((each) =>
      each.kind === 'backup' ? { ...each, retention: { daily: 1 } } : each,
    );
    lab.push({ ...two, resources: keepOne });
    lab.host.faults = { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing' }] };
    lab.later(dayMs);
    await lab.beside(await lab.cycle({ dry: true, asked: asked() }));
    const services = archives().map((name) => name.replace(/-2023.*/, ''));
    expect(services.filter((name) => name === 'git')).toHaveLength(1);
    expect(services.filter((name) => name === 'photo')).toHaveLength(2);
  });

  it('one that fails does not take the others along', async () => {
    lab.later(60_000);
    const made = archives().length;
    lab.host.faults = { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing' }] };
    const [outcome] = await lab.beside(await lab.cycle({ dry: true, asked: asked() }));
    expect(outcome?.result).toBe('failed');
    expect(archives()).toHaveLength(made + 1);
    expect(snapshots()).toEqual([]);
  });
});
