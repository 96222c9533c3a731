import { expect, it } from 'vitest';
import type { Executor } from '../../../reconciler/apply/types.ts';
import { readProgress } from '../../../reconciler/state/progress.ts';
import { aDayLater, dayMs, faultAt, lab } from './saga-lab.ts';

/** What somebody else would be told at each step. */
async function told(): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  const executor: Executor = {
    async execute(step, options) {
      seen[step.op] = readProgress(lab.store()).get('photo')?.step;
      return await lab.host.executor.execute(step, options);
    },
  };
  lab.later(dayMs);
  await lab.beside(await lab.cycle(), { executor });
  return seen;
}

it('what a backup is at is in the state, but nothing is written while the service is down', async () => {
  await aDayLater();
  expect(await told()).toEqual({
    'container-exec': 'container-exec',
    'containers-stop': 'containers-stop',
    'zfs-snapshot': 'containers-stop',
    'containers-start': 'containers-stop',
    'borg-create': 'borg-create',
    'zfs-destroy-snapshots': 'zfs-destroy-snapshots',
  });
  expect([...readProgress(lab.store())]).toEqual([]);
});

it('how far a long step is comes to the state every half a minute', async () => {
  await aDayLater();
  const counted: unknown[] = [];
  const executor: Executor = {
    async execute(step, options) {
      if (step.op === 'borg-create')
        for (let files = 1; files <= 3; files += 1) {
          lab.later(20_000);
          options.onProgress?.({ files, bytes: files * 1000, totalBytes: 9000, at: 'a/b' });
          counted.push(readProgress(lab.store()).get('photo')?.files);
        }
      return await lab.host.executor.execute(step, options);
    },
  };
  lab.later(dayMs);
  await lab.beside(await lab.cycle(), { executor });
  expect(counted).toEqual([null, 2, 2]);
});

it('of a run that has died nothing is told once the next one is over', async () => {
  faultAt('borg-create', 'nothing', 'freeze');
  lab.later(dayMs);
  await Promise.race([lab.beside(await lab.cycle()), lab.host.crashed]);
  lab.restart();
  await lab.settleRuns();
  lab.host.faults = {};
  await aDayLater();
  expect([...readProgress(lab.store())]).toEqual([]);
});
