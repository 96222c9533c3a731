import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proofKey, readProofs } from '../../../reconciler/state/proofs.ts';
import { readLastRuns, readRuns } from '../../../reconciler/state/runs.ts';
import type { Step } from '../../../reconciler/types.ts';
import type { AskedFor } from '../../../reconciler/world.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

/** Checks and drills that a person asks for: no schedule declares any. */

const location = '/backup/datapool_services_photo';
const drill = { cron: '0 5 1 1 *', timezone: 'UTC', start: false };

let lab: LabRun;

function photo(over: Parameters<typeof build.backup>[1] = {}) {
  return build.desired([
    build.dataset('datapool/services', { setsMountpoint: true, service: null }),
    build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
    build.stack('photo'),
    build.repository('photo'),
    build.backup('photo', over),
  ]);
}

async function asked(what: AskedFor) {
  const given = { services: ['photo'], atMs: lab.now(), together: false };
  const cycle = await lab.cycle({ dry: true, asked: { ...given, what } });
  return { cycle, outcomes: await lab.beside(cycle) };
}

async function begin(over: Parameters<typeof photo>[0] = {}) {
  lab = labRun(photo(over));
  await lab.cycle();
  lab.later(60_000);
  await asked('archive');
  lab.later(60_000);
}

const modes = () => lab.host.steps.flatMap((step: Step) => (step.op === 'borg-check' ? [step.mode] : []));
const lines = () => readRuns(lab.store(), 'photo', 10).map(({ what, result }) => `${what} ${result}`);
const proof = (kind: 'full' | 'verify-data' | 'drill', subject = location) =>
  readProofs(lab.store()).proofs.get(proofKey(kind, subject));

afterEach(() => lab.end());

describe('a check by hand', () => {
  beforeEach(() => begin());

  it.each([
    ['check', 'full'],
    ['verify-data', 'verify-data'],
  ] as const)('(%s) is made of the whole, once, and has a line in the history', async (what, mode) => {
    const { cycle, outcomes } = await asked(what);
    expect(cycle.plan?.changes.map(({ id }) => id)).toEqual(['borg-repository:datapool/services/photo']);
    expect(outcomes.map(({ result }) => result)).toEqual(['applied']);
    expect(modes()).toEqual([mode]);
    expect(proof(mode)).toMatchObject({ result: 'good', atMs: lab.now() });
    expect(lines()).toEqual(['archive done', `${mode} done`]);
    expect(readLastRuns(lab.store()).get('photo')?.what).toBe('archive');
    expect((await lab.cycle()).plan?.changes).toEqual([]);
  });

  it('is not held back by one that has just failed', async () => {
    lab.host.faults = { steps: [{ when: { op: 'borg-check' }, how: 'fail', after: 'nothing' }] };
    expect((await asked('check')).outcomes.map(({ result }) => result)).toEqual(['failed']);
    expect((await asked('check')).outcomes.map(({ result }) => result)).toEqual(['applied']);
    expect(lines()).toEqual(['archive done', 'full failed', 'full done']);
  });

  it('that dies has a line, and only one', async () => {
    lab.host.faults = { steps: [{ when: { op: 'borg-check' }, how: 'freeze', after: 'nothing' }] };
    await Promise.race([asked('check'), lab.host.crashed]);
    lab.host.revive();
    lab.restart();
    await lab.settleRuns();
    await lab.settleRuns();
    expect(lines()).toEqual(['archive done', 'full interrupted']);
  });

  it('leaves alone a backup that is due meanwhile', async () => {
    lab.later(86_400_000);
    const { outcomes } = await asked('check');
    expect(outcomes.map(({ change }) => change.id)).toEqual(['borg-repository:datapool/services/photo']);
    expect((await lab.cycle({ dry: true })).plan?.changes.map(({ id }) => id)).toEqual(['backup:photo']);
  });
});

describe('a drill by hand', () => {
  it('restores the newest archive for proof, and has a line in the history', async () => {
    await begin({ drill });
    const { outcomes } = await asked('drill');
    expect(outcomes.map(({ result }) => result)).toEqual(['applied']);
    expect(proof('drill', 'photo')).toMatchObject({ result: 'good', atMs: lab.now() });
    expect(lines()).toEqual(['archive done', 'drill done']);
    const [, line] = readRuns(lab.store(), 'photo', 10);
    expect(line?.archive).toBe(proof('drill', 'photo')?.goodArchive);
  });

  it('says what is missing where there is nothing to compare with', async () => {
    await begin();
    const { cycle, outcomes } = await asked('drill');
    expect(outcomes).toEqual([]);
    expect(cycle.plan?.blocked[0]?.reasons[0]?.note).toMatch(
      /^no drill is declared for it, .* add backup.drill, then run steward backup run photo$/,
    );
  });
});
