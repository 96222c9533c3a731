import { beforeEach, describe, expect, it } from 'vitest';
import { forgetRepository, readBackups } from '../../../reconciler/state/backups.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import * as build from '../../support/build.ts';
import {
  aDayLater,
  archives,
  dayMs,
  desired,
  faultAt,
  lab,
  names,
  opsSince,
  running,
  snapshots,
  tickOf,
} from './saga-lab.ts';

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

  it('another repository in its place is noticed with the first archive in it', async () => {
    const location = '/backup/datapool_services_photo';
    lab.host.faults = {};
    lab.later(3_600_000);
    await lab.beside(await lab.cycle());
    lab.host.state.repositories.set(location, { location, encryption: 'repokey-blake2', id: 'another' });
    const [made] = await aDayLater();
    expect(made).toMatchObject({ result: 'failed', error: expect.stringContaining('is not the one') });
    expect(await running()).toEqual(names);
    lab.later(3_600_000);
    const [listed] = await lab.beside(await lab.cycle());
    expect(listed).toMatchObject({ result: 'failed', change: { kind: 'borg-repository' } });
  });

  it('another repository in its place is used only once the old one is forgotten', async () => {
    const location = '/backup/datapool_services_photo';
    lab.host.state.repositories.set(location, { location, encryption: 'repokey-blake2', id: 'another' });
    lab.later(3_600_000);
    const [listed] = await lab.beside(await lab.cycle());
    expect(listed).toMatchObject({ result: 'failed', error: expect.stringContaining('is not the one') });
    forgetRepository(lab.store(), location, 'photo');
    lab.later(3_600_000);
    const outcomes = await lab.beside(await lab.cycle());
    expect(outcomes.map(({ change, result }) => `${result} ${change.verb} ${change.kind}`)).toEqual([
      'applied create borg-repository',
      'applied run backup',
    ]);
    expect(readBackups(lab.store()).repositories.get(location)?.borgId).toBe('another');
  });
});

const keepOne = () =>
  lab.push({
    ...desired,
    resources: [
      ...desired.resources.filter(({ kind }) => kind !== 'backup'),
      build.backup('photo', { retention: { daily: 1 } }),
    ],
  });

it('what is pruned is named where the run is told, and in its line of the history', async () => {
  keepOne();
  await aDayLater();
  expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([{ result: 'done', notes: [] }]);
  const notes = ['deleted, as the retention says: photo-2023-11-15T02:30:00Z'];
  expect(await aDayLater()).toMatchObject([{ result: 'applied', notes }]);
  expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([{ result: 'done', notes }]);
});

describe('nothing is pruned', () => {
  beforeEach(async () => {
    keepOne();
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

describe('in an append-only repository', () => {
  const repository = { ...build.repositoryRef, appendOnly: true };
  const off = 'nothing is pruned: /backup/datapool_services_photo is append-only';
  const only = (retention: { daily: number } | null) =>
    lab.push({
      ...desired,
      resources: [
        ...desired.resources.filter(({ kind }) => kind !== 'backup'),
        build.backup('photo', { retention, repository }),
      ],
    });

  it('nothing is pruned, and the plan and the history say so', async () => {
    only({ daily: 1 });
    await aDayLater();
    lab.later(dayMs);
    const cycle = await lab.cycle();
    const reasons = cycle.plan?.changes.flatMap((change) => change.reasons.map(({ note }) => note));
    expect(reasons).toContain(off);
    await lab.beside(cycle);
    expect(archives()).toHaveLength(2);
    expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([{ result: 'done', notes: [off] }]);
  });

  it('without a retention there is nothing to be said', async () => {
    only(null);
    await aDayLater();
    expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([{ result: 'done', notes: [] }]);
  });
});

describe('with a state folder that knows nothing of the archives', () => {
  it('nothing is pruned after an archive that is far smaller than the newest of them', async () => {
    const keepOne = build.backup('photo', { retention: { daily: 1 } });
    for (let file = 0; file < 10; file += 1) lab.host.writeData(`/datapool/services/photo/file-${file}`);
    await aDayLater();
    lab.push({
      ...desired,
      resources: [...desired.resources.filter(({ kind }) => kind !== 'backup'), keepOne],
    });
    for (const table of ['archives', 'repositories']) lab.store().db.exec(`DELETE FROM ${table}`);
    for (const path of [...lab.host.state.paths.values()])
      if (path.path.startsWith('/file-')) lab.host.state.paths.delete(`${path.filesystem}:${path.path}`);
    await aDayLater();
    const outcomes = await aDayLater();
    const notes = outcomes.flatMap((outcome) => outcome.notes ?? []).join();
    expect(notes).toMatch(/nothing was pruned: photo-.* has \d+ files, fewer than the \d+/);
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

  const asked = (atMs = lab.now()) => ({ services: ['photo', 'git'], atMs, together: true });

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
    await lab.beside(await lab.cycle({ dry: true, asked: asked(tickOf(lab.now())) }));
    const services = archives().map((name) => name.replace(/-2023.*/, ''));
    expect(services.filter((name) => name === 'git')).toHaveLength(2);
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
