import { afterEach, expect, it } from 'vitest';
import { readInventory } from '../../reconciler/state/inventory.ts';
import type { StepFault } from '../../simulator/faults.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** At a server that keeps no mark beside a record, only the state knows whose it is. */
let lab: LabRun | null = null;
afterEach(() => {
  lab?.end();
  lab = null;
});

async function recordedAfter(fault: Omit<StepFault, 'when'> | null): Promise<unknown> {
  lab = labRun(build.desired([build.record()], { dns: build.dnsServer }));
  if (fault !== null) lab.host.faults = { steps: [{ when: { op: 'dns-put' }, ...fault }] };
  const crashed = lab.host.crashed.then(() => lab?.restart());
  await (fault?.how === 'die' ? Promise.race([lab.cycle(), crashed]) : lab.cycle());
  return readInventory(lab.store()).entries.get('dns-record:photo.lan')?.data ?? null;
}

it('one that was made is ours', async () => {
  expect(await recordedAfter(null)).toMatchObject({ ours: true });
});

it('one that was made just before Steward died is ours', async () => {
  expect(await recordedAfter({ how: 'die', after: 'all' })).toMatchObject({ ours: true });
});

it('one that could not be made is nobody’s yet: who makes it by hand keeps it', async () => {
  expect(await recordedAfter({ how: 'fail', after: 'nothing' })).toBeNull();
});
