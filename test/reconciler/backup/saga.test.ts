import { beforeEach, describe, expect, it } from 'vitest';
import { readBackups } from '../../../reconciler/state/backups.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import {
  aDayLater,
  archives,
  backupOps,
  dayMs,
  faultAt,
  lab,
  names,
  opsSince,
  running,
  snapshots,
  stillRunning,
} from './saga-lab.ts';

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

  it('made late is known by when its data is from, not by its tick', async () => {
    await aDayLater();
    lab.later(7 * dayMs);
    const cycle = await lab.cycle();
    const takenMs = lab.now();
    await lab.beside(cycle);
    const [newest] = readBackups(lab.store()).archives.get('/backup/datapool_services_photo') ?? [];
    expect(newest?.name).toBe('photo-2023-11-22T02:30:00Z');
    expect(Math.abs((newest?.atMs ?? 0) - takenMs)).toBeLessThan(60_000);
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
const places = backupOps.flatMap((op) => where.map((after) => [op, after] as const));

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
      expect(await stillRunning()).toEqual(names);
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

describe('when the process dies right after Borg has the archive', () => {
  beforeEach(async () => {
    lab.later(dayMs);
    const cycle = await lab.cycle();
    faultAt('borg-create', 'all', 'freeze');
    await Promise.race([lab.beside(cycle), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
  });

  it('the service is not stopped for it again', async () => {
    const before = lab.host.steps.length;
    const outcomes = await lab.beside(await lab.cycle());
    expect(opsSince(before)).toEqual(['borg-list']);
    expect(outcomes.map(({ change, result, downtimeMs }) => [result, change.id, downtimeMs])).toEqual([
      ['applied', 'borg-repository:datapool/services/photo', 0],
      ['applied', 'backup:photo', 0],
    ]);
    expect(outcomes[1]?.notes).toEqual([
      'photo-2023-11-15T02:30:00Z is in its repository already; nothing was stopped for it',
    ]);
  });

  it('the history says that it is there, and nothing is due', async () => {
    await lab.beside(await lab.cycle());
    expect(readRuns(lab.store(), 'photo', 10)).toMatchObject([
      { result: 'interrupted', archive: null, downtimeMs: null },
      { result: 'done', archive: 'photo-2023-11-15T02:30:00Z', facts: null },
    ]);
    expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [] });
  });
});

describe('when a step fails', () => {
  it.each(places)('at %s with %s of it done, the service runs, and it is tried again', async (op, after) => {
    faultAt(op, after, 'fail');
    const outcomes = await aDayLater();
    expect(outcomes.map(({ result }) => result)).toContain('failed');
    expect(await stillRunning()).toEqual(names);
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
