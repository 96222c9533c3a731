import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import { numbersHere } from '../../../reconciler/owners/numbers.ts';
import { recoverable } from '../../../reconciler/recover/change.ts';
import { recoverService } from '../../../reconciler/recover/run.ts';
import { type Recovery, readRecoveries, writeRecovery } from '../../../reconciler/state/recovery.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import { changeOwner } from '../../../simulator/file-tree.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

/** A server whose containers have ids from 100000 on, and a new one where they overlap with those: from 110000 on. */

const photo = 'datapool/services/photo';
const database = `${photo}/database`;

const desired = build.desired(
  [
    {
      ...{ kind: 'group', id: 'group:labdata', name: 'labdata', service: null, needs: [] },
      origin: build.origin,
    },
    build.dataset('datapool/services', { setsMountpoint: true, service: null }),
    build.dataset(photo, { needs: ['zfs-dataset:datapool/services'] }),
    build.dataset(database, { needs: [`zfs-dataset:${photo}`] }),
    build.directory(`/${database}`, {
      ...{ dataset: database, datasetMountpoint: `/${database}`, containerUid: 999, sharedGroup: 'labdata' },
      needs: ['group:labdata', `zfs-dataset:${database}`],
    }),
    build.stack('photo', { containers: [build.container('app')] }),
    build.repository(),
    build.backup('photo', {
      schedule: null,
      datasets: [photo, database].map((name) => ({ name, mountpoint: `/${name}` })),
    }),
  ],
  { sharedGroup: 'labdata' },
);
const backup = desired.resources.find(({ kind }) => kind === 'backup') as DesiredBackup;

let before: LabRun;
let bare: LabRun;

beforeEach(async () => {
  before = labRun(desired, { system: { groups: { labdata: 990 } } });
  await before.cycle();
  const { state } = before.host;
  for (const [path, uid, gid] of [
    ['of-the-host', 1000, 990],
    ['picture', 101_000, 990],
    ['database/rows', 110_999, 100_999],
  ] as const) {
    before.host.writeData(`/${photo}/${path}`);
    changeOwner(state, `/${photo}/${path}`, uid, gid, false);
  }
  const asked = { services: ['photo'], atMs: before.now(), together: false };
  await before.beside(await before.cycle({ dry: true, asked }));
  bare = newServer(110_000);
});
afterEach(() => {
  before.end();
  bare.end();
});

function newServer(base: number): LabRun {
  const range = { dockremap: [{ start: base, count: 65_536 }] };
  const made = labRun(desired, {
    usernsBase: { uid: base, gid: base },
    system: { subUids: range, subGids: range, groups: {} },
  });
  for (const table of ['repositories', 'archives'] as const)
    for (const [key, value] of before.host.state[table].entries())
      made.host.state[table].set(key, value as never);
  const nothing = { archive: null, atMs: null, note: null, damaged: {}, leftMs: null, updatedMs: 0 };
  writeRecovery(made.store(), { service: 'photo', phase: 'waiting', ...nothing });
  return made;
}

const recovery = () => readRecoveries(bare.store())[0] as Recovery;

async function recover() {
  const archives = recoverable(backup, [...bare.host.state.archives.values()], bare.now());
  return await recoverService(backup, recovery(), archives, build.commit.id, {
    ...bare.besides(),
    numbersHere: async () => numbersHere(await bare.host.observer.observe({ paths: [] }), desired, backup),
  });
}

/** `dataset:path uid:gid`, without the folder below the database's mount, and what containers have written since. */
function owners(lab: LabRun): string[] {
  const own = [...lab.host.state.paths.entries()].filter(([key]) => key.startsWith(photo));
  return own
    .map(([key, { uid, gid }]) => `${key.slice(photo.length)} ${uid}:${gid}`)
    .filter((each) => !each.startsWith(':/database') && !each.includes('written-by'))
    .sort();
}

const asBefore = [
  '/database: 110999:999',
  '/database:/rows 120999:110999',
  ': 0:0',
  ':/of-the-host 1000:999',
  ':/picture 111000:999',
];

it('an archive says what the numbers of its owners mean', () => {
  expect([...before.host.state.archives.values()].map(({ comment }) => comment)).toEqual([
    `steward: ${photo} ${database}; userns uid=100000+65536 gid=100000+65536; group labdata=990; made by hand`,
  ]);
  expect(owners(before)).toEqual([
    '/database: 100999:990',
    '/database:/rows 110999:100999',
    ': 0:0',
    ':/of-the-host 1000:990',
    ':/picture 101000:990',
  ]);
});

describe('on a server with other numbers', () => {
  it('containers see the same owners as before, and the report says so', async () => {
    await bare.cycle();
    expect(await recover()).toMatchObject({ result: 'applied' });
    expect(owners(bare)).toEqual(asBefore);
    expect(recovery()).toMatchObject({
      phase: 'restored',
      note: 'owners moved from base 100000 to 110000 and of group labdata from 990 to 999',
    });
    const { plan } = await bare.cycle();
    expect(plan?.changes.map(({ kind }) => kind)).toEqual(['compose-stack', 'borg-repository']);
    expect(owners(bare)).toEqual(asBefore);
  });

  it.each<[StepFault['after'], StepFault['how']]>(
    (['nothing', 'half', 'all'] as const).flatMap((after) =>
      (['die', 'fail'] as const).map((how): [StepFault['after'], StepFault['how']] => [after, how]),
    ),
  )('they do so too after it was cut off with %s of it done (%s)', async (after, how) => {
    await bare.cycle();
    bare.host.faults = { steps: [{ when: { op: 'borg-extract' }, how, after }] };
    await recover().catch(() => {});
    bare.host.faults = {};
    bare.restart();
    await bare.cycle();
    expect(await recover()).toMatchObject({ result: 'applied' });
    expect(owners(bare)).toEqual(asBefore);
  });

  it('no cycle gives half of the archive owners of this server: they would be moved a second time', async () => {
    await bare.cycle();
    bare.host.faults = { steps: [{ when: { op: 'borg-extract' }, how: 'fail', after: 'half' }] };
    await recover();
    changeOwner(bare.host.state, `/${database}`, 100_999, 990, false);
    expect((await bare.cycle()).plan?.changes).toEqual([]);
    await recover();
    expect(owners(bare)).toEqual(asBefore);
  });

  it('cycles stand still while it is seen that nothing is there', async () => {
    await bare.cycle();
    const held: string[] = [];
    const besides = bare.besides();
    bare.besides = () => ({
      ...besides,
      holdCycles: async () => {
        held.push(recovery().phase);
        return { release: () => void held.push(recovery().phase) };
      },
    });
    await recover();
    expect(held).toEqual(['waiting', 'restoring']);
  });

  it('nothing is begun while Docker does not say its numbers', async () => {
    await bare.cycle();
    bare.host.faults = { observe: { docker: 'unknown' } };
    expect(await recover()).toMatchObject({ result: 'failed' });
    expect(recovery()).toMatchObject({ phase: 'waiting', note: expect.stringContaining('userns base') });
    expect(bare.host.data()).toEqual([]);
  });

  it('an archive from before archives said so keeps its numbers, and the report says that', async () => {
    for (const [key, archive] of [...bare.host.state.archives.entries()])
      bare.host.state.archives.set(key, { ...archive, comment: `steward: ${photo} ${database}` });
    await bare.cycle();
    await recover();
    expect(owners(bare)).toEqual(owners(before));
    expect(recovery().note).toMatch(/^the archive does not say/);
  });
});
