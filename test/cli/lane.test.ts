import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDue } from '../../cli/background.ts';
import { Lane } from '../../cli/lane.ts';
import type { Executor } from '../../reconciler/apply/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import { newBackupRecord, writeBackupRecord } from '../../reconciler/state/backups.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import type { Outcome, Step } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** Three services with a backup every night at 02:30, and a look at all data on Thursdays at 01:00. */
const hourMs = 3_600_000;
const services = ['alpha', 'beta', 'gamma'];
const verifyData = { cron: '0 1 * * 4', timezone: 'UTC' };
const location = (service: string) => `/backup/datapool_services_${service}`;

function desired(backupsAtOnce: number, hourly: string[] = []) {
  const each = (service: string) => [
    build.dataset(`datapool/services/${service}`, { needs: ['zfs-dataset:datapool/services'] }),
    build.stack(service, { containers: [build.container('app', { containerName: service })] }),
    build.repository(service, { verifyData }),
    build.backup(
      service,
      hourly.includes(service) ? { schedule: { cron: '0 * * * *', timezone: 'UTC' } } : {},
    ),
  ];
  const root = build.dataset('datapool/services', { setsMountpoint: true, service: null });
  return build.desired([root, ...services.flatMap(each)], { backupsAtOnce });
}

/** Steps that wait until the test lets them go on, in the order in which they began. */
function gates(executor: Executor, ops: Step['op'][]) {
  const open: { name: string; go(): void }[] = [];
  const held: Executor = {
    async execute(step, options) {
      if (ops.includes(step.op) && 'repository' in step) {
        const gate = Promise.withResolvers<void>();
        open.push({ name: `${step.op} ${step.repository.location.slice(26)}`, go: gate.resolve });
        await gate.promise;
      }
      return await executor.execute(step, options);
    },
  };
  const names = () => open.map(({ name }) => name);
  const go = (name: string) => open.splice(names().indexOf(name), 1)[0]?.go();
  return { held, names, go };
}

let lab: LabRun;
let lane: Lane;
let gate: ReturnType<typeof gates>;
let outcomes: Outcome[];

function begin(backupsAtOnce: number, over: Partial<BackgroundDeps> = {}, hourly: string[] = []): void {
  lab = labRun(desired(backupsAtOnce, hourly));
  gate = gates(lab.host.executor, ['borg-check', 'borg-create']);
  outcomes = [];
  lane = new Lane({
    background: { ...lab.besides(), executor: gate.held, ...over },
    sharesRoom: true,
    onDone: (done) => outcomes.push(...done),
    onError: (error) => {
      throw error;
    },
  });
}

/** As the loop does it. */
async function look(): Promise<void> {
  lane.offer(await lab.cycle());
  await settled();
}

/** Whatever can go on by itself has done so. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
const done = () => outcomes.map(({ change, result }) => `${result} ${change.id}`);

async function toTheNight(): Promise<void> {
  // Tuesday, 22:13 UTC: all are backed up for the first time in the night, and then nothing is due any more.
  await lab.cycle();
  lab.later(5 * hourMs);
  while (outcomes.filter(({ change }) => change.kind === 'backup').length < services.length) {
    await look();
    for (const name of gate.names()) gate.go(name);
    await settled();
  }
  outcomes = [];
}

afterEach(() => lab.end());

describe('a check of all data that takes for ever', () => {
  beforeEach(async () => {
    begin(1);
    await toTheNight();
    // Thursday, 01:13: all data is to be verified.
    lab.later(22 * hourMs);
    await look();
  });

  it('is the only one: proofs come one at a time', () => {
    expect(gate.names()).toEqual(['borg-check alpha']);
  });

  it('keeps no backup of another repository waiting', async () => {
    lab.later(2 * hourMs);
    await look();
    expect(gate.names()).toEqual(['borg-check alpha', 'borg-create beta']);
    gate.go('borg-create beta');
    await settled();
    await look();
    expect(gate.names()).toEqual(['borg-check alpha', 'borg-create gamma']);
  });

  it('is waited for by the backup of its own repository, and the plan says so', async () => {
    lab.later(2 * hourMs);
    await look();
    const { plan } = await lab.cycle({ dry: true });
    expect(plan?.reports.filter(({ service }) => service === 'alpha')).toMatchObject([
      {
        kind: 'backup',
        state: 'waiting',
        reasons: [
          {
            note: 'due since 2023-11-16T02:30:00Z; waits for the check of all data of its repository, under way since 2023-11-16T01:13:21Z',
          },
        ],
      },
      { kind: 'borg-repository', state: 'running' },
    ]);
    gate.go('borg-check alpha');
    for (const service of ['beta', 'gamma']) {
      await settled();
      gate.go(`borg-create ${service}`);
      await settled();
      await look();
    }
    expect(gate.names()).toContain('borg-create alpha');
  });
});

describe('backups', () => {
  it('upload as many at a time as lab.yaml says, and a proof beside them', async () => {
    begin(2);
    await toTheNight();
    lab.later(24 * hourMs);
    await look();
    expect(gate.names()).toEqual(['borg-create alpha', 'borg-create beta']);
    gate.go('borg-create beta');
    await settled();
    await look();
    expect(gate.names().sort()).toEqual(['borg-check beta', 'borg-create alpha', 'borg-create gamma']);
  });

  it.each([
    [1, []],
    [2, ['borg-create beta']],
  ])('count with %i at a time what another process is at', async (atOnce, begun) => {
    begin(atOnce);
    await toTheNight();
    const runningLock = repositoryLock(location('alpha'));
    const record = { ...newBackupRecord('alpha', 0), runningSinceMs: lab.now(), runningLock };
    writeBackupRecord(lab.store(), record);
    lab.later(24 * hourMs);
    await look();
    expect(gate.names().filter((name) => name.startsWith('borg-create'))).toEqual(begun);
  });

  it('say in the plan that they wait for their turn, and whose it is', async () => {
    begin(1);
    await toTheNight();
    lab.later(24 * hourMs);
    await look();
    const { plan } = await lab.cycle({ dry: true });
    const beta = plan?.changes.find(({ id }) => id === 'backup:beta');
    expect(beta?.reasons[0]?.note).toBe(
      'due since 2023-11-16T02:30:00Z; waits for its turn: alpha is at work, and backup.concurrency is 1',
    );
  });

  it('go on with the next where somebody else has the repository of the first', async () => {
    const held = repositoryLock(location('alpha'));
    begin(1, {
      tryLock: (name) =>
        name === held && outcomes.length === 0 && lab.now() > busyFromMs
          ? { ok: false, holder: { pid: 7, command: 'browse', sinceMs: 0 } }
          : { ok: true, lock: { release() {} } },
    });
    await toTheNight();
    lab.later(24 * hourMs);
    busyFromMs = lab.now() - 1;
    await look();
    expect(done()).toEqual(['skipped backup:alpha']);
    expect(gate.names()).toEqual(['borg-create beta']);
  });

  it('of a service that is due all the time take turns with the others', async () => {
    begin(1, {}, ['alpha']);
    await toTheNight();
    lab.later(24 * hourMs);
    const order: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await look();
      const [name = ''] = gate.names().filter((each) => each.startsWith('borg-create'));
      order.push(name.slice(12));
      lab.later(hourMs);
      gate.go(name);
      await settled();
    }
    expect(order).toEqual(['alpha', 'beta', 'gamma', 'alpha']);
  });
});

/** Not yet. */
let busyFromMs = Number.POSITIVE_INFINITY;

describe('reconcile --once', () => {
  it('makes backups that are due beside a check that takes for ever, and ends with it', async () => {
    begin(1);
    await toTheNight();
    lab.later(24 * hourMs);
    const deps = { ...lab.besides(), executor: gate.held };
    const all = runDue(await lab.cycle(), () => lab.cycle({ dry: true }), deps);
    for (const service of services) {
      await settled();
      expect(gate.names()).toContain(`borg-create ${service}`);
      gate.go(`borg-create ${service}`);
    }
    for (const service of services) {
      await settled();
      expect(gate.names()).toEqual([`borg-check ${service}`]);
      gate.go(`borg-check ${service}`);
    }
    const results = (await all).map(({ change, result }) => `${result} ${change.id}`);
    expect(results.filter((each) => each.includes('backup:'))).toEqual([
      'applied backup:alpha',
      'applied backup:beta',
      'applied backup:gamma',
    ]);
  });
});
