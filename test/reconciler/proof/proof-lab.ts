import { afterEach } from 'vitest';
import { proofKey, readProofs } from '../../../reconciler/state/proofs.ts';
import type { Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

export const dayMs = 86_400_000;
export const location = '/backup/datapool_services_photo';
export const scratch = 'datapool/services/steward-drill-photo';
/** Nobody exports keys here. */
export const noKey = [{ state: 'key-not-exported' }];
export const weekly = { cron: '0 6 * * 0', timezone: 'UTC' };

export function photo(over: Parameters<typeof build.backup>[1] = {}, checked = true) {
  const check = checked ? { ...weekly, maxSeconds: 1800 } : null;
  const verifyData = checked ? { cron: '0 7 1 * *', timezone: 'UTC' } : null;
  return build.desired([
    build.dataset('datapool/services', { setsMountpoint: true, service: null }),
    build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
    build.stack('photo'),
    build.repository('photo', { check, verifyData }),
    build.backup('photo', over),
  ]);
}

/** The lab of the test that runs. */
export let lab: LabRun;

export async function begin(desired: ReturnType<typeof photo>, clockAheadMs = 0): Promise<void> {
  lab = labRun(desired);
  lab.later(clockAheadMs);
  await lab.cycle();
  lab.later(60_000);
}

afterEach(() => lab.end());

/** As the loop does it: what was found due is done, and looked at again until nothing is. */
export async function settle() {
  const all = [];
  for (let look = 0; look < 5; look += 1) {
    const outcomes = await lab.beside(await lab.cycle());
    all.push(...outcomes);
    if (outcomes.length === 0) break;
  }
  return all;
}

export async function aDayLater() {
  lab.later(dayMs);
  return await settle();
}

export const proof = (kind: 'partial' | 'full' | 'verify-data' | 'drill', subject = location) =>
  readProofs(lab.store()).proofs.get(proofKey(kind, subject));
export const ops = (from = 0) => lab.host.steps.slice(from).map(({ op }: Step) => op);
export const modes = () =>
  lab.host.steps.flatMap((step: Step) => (step.op === 'borg-check' ? [step.mode] : []));

export function damage(what: 'index' | 'data' | null): void {
  const found = lab.host.state.repositories.get(location);
  if (found === undefined) throw new Error('no repository');
  const { damage: _before, ...whole } = found;
  lab.host.state.repositories.set(location, what === null ? whole : { ...whole, damage: what });
}

export const drilled = { drill: { ...weekly, start: false }, retention: { daily: 2 } };
