import { expect, it } from 'vitest';
import * as build from '../support/build.ts';
import { labRun } from '../support/lab-run.ts';

const dayMs = 86_400_000;

it('what runs goes on where its secrets are closed, it is backed up as before, and a neighbour is made', async () => {
  const photo = build.stack('photo', { containers: [build.container('db'), build.container('server')] });
  const desired = build.desired([
    build.dataset('datapool/services', { setsMountpoint: true, service: null }),
    build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
    photo,
    build.repository(),
    build.backup(),
  ]);
  const lab = labRun(desired);
  await lab.cycle();
  const before = lab.host.steps.length;
  expect([...lab.host.state.archives.values()]).toEqual([]);
  Object.assign(photo, { locked: 'the identity /etc/steward/age.key does not exist', inputDigest: 'other' });
  desired.resources.push(
    build.stack('git', { containers: [build.container('git', { containerName: 'git' })] }),
  );
  lab.later(dayMs);
  const cycle = await lab.cycle();
  await lab.beside(cycle);
  expect(cycle.plan?.blocked).toMatchObject([
    {
      id: photo.id,
      state: 'waiting',
      reasons: [{ note: 'the identity /etc/steward/age.key does not exist' }],
    },
  ]);
  const touched = lab.host.steps
    .slice(before)
    .flatMap((step) => (step.op === 'compose-up' ? [step.stack.project] : []));
  expect(touched).toEqual(['git']);
  expect([...lab.host.state.archives.values()]).not.toEqual([]);
  lab.end();
});
