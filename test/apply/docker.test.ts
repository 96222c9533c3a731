import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

const create: Step = {
  op: 'network-create',
  network: 'photo_net',
  subnet: '10.88.0.64/26',
  labels: { 'io.steward.lab': 'homelab' },
};
const remove: Step = { op: 'network-remove', network: 'photo_net' };
const drop: Step = { op: 'container-remove', id: 'c1', name: 'photo-db-1' };

function network(name: string, subnet: string, driver = 'bridge') {
  return { Id: `id-of-${name}`, Name: name, Driver: driver, IPAM: { Config: [{ Subnet: subnet }] } };
}

/** Answers by the beginning of the call; everything else is 204. */
function daemon(answers: Record<string, ReturnType<Answer>>): Answer {
  return (call) => {
    const key = Object.keys(answers).find((start) => call.startsWith(start));
    return key === undefined ? { status: 204 } : (answers[key] ?? null);
  };
}

async function run(answer: Answer, step: Step, toolTimeoutMs = 5_000) {
  await using api = await fakeDockerApi(answer);
  const executor = hostExecutor({ socketPath: api.socketPath, toolTimeoutMs, longTimeoutMs: toolTimeoutMs });
  const error = await executor.execute(step, {}).then(
    () => null,
    (reason: Error) => `${reason.name}: ${reason.message}`,
  );
  return { error, changing: api.calls.filter((call) => !call.startsWith('GET ')), bodies: api.bodies };
}

it('creates a bridge with exactly this subnet and these labels', async () => {
  const done = await run(
    daemon({ 'GET /networks': { body: [] }, 'POST /networks/create': { status: 201, body: { Id: 'n' } } }),
    create,
  );
  expect(done.error).toBeNull();
  expect(done.bodies).toEqual([
    {
      Name: 'photo_net',
      Driver: 'bridge',
      CheckDuplicate: true,
      IPAM: { Config: [{ Subnet: '10.88.0.64/26' }] },
      Labels: { 'io.steward.lab': 'homelab' },
    },
  ]);
});

it.each<[string, object[], string | null, number]>([
  ['keeps one that is right', [network('photo_net', '10.88.0.64/26')], null, 0],
  ['is not misled by a longer name', [network('my_photo_net', '10.88.0.64/26')], null, 1],
  [
    'refuses another subnet',
    [network('photo_net', '172.18.0.0/16')],
    'StepError: network photo_net exists as bridge 172.18.0.0/16, not as bridge 10.88.0.64/26',
    0,
  ],
  [
    'refuses another driver',
    [network('photo_net', '10.88.0.64/26', 'macvlan')],
    'StepError: network photo_net exists as macvlan 10.88.0.64/26, not as bridge 10.88.0.64/26',
    0,
  ],
])('network-create %s', async (_what, networks, error, calls) => {
  const made = { status: 201, body: { Id: 'n' } };
  const done = await run(daemon({ 'GET /networks': { body: networks }, 'POST /networks': made }), create);
  expect(done.error).toBe(error);
  expect(done.changing).toHaveLength(calls);
});

it('hands on what Docker says to a subnet that is taken', async () => {
  const message = 'Pool overlaps with other one on this address space';
  const done = await run(
    daemon({ 'GET /networks': { body: [] }, 'POST /networks': { status: 403, body: { message } } }),
    create,
  );
  expect(done.error).toBe(`StepError: network photo_net was not created: Docker says: ${message}`);
});

it('removes a network by id', async () => {
  const networks = { body: [network('photo_net', '10.88.0.64/26')] };
  const done = await run(daemon({ 'GET /networks': networks, 'GET /containers': { body: [] } }), remove);
  expect(done).toMatchObject({ error: null, changing: ['DELETE /networks/id-of-photo_net'] });
});

it('names the containers that keep a network', async () => {
  const networks = { body: [network('photo_net', '10.88.0.64/26')] };
  const containers = { body: [{ Names: ['/web'] }, { Names: ['/hub'] }] };
  const done = await run(daemon({ 'GET /networks': networks, 'GET /containers': containers }), remove);
  expect(done.error).toBe('StepError: network photo_net was not removed: hub, web still use it');
  expect(done.changing).toEqual([]);
});

it('has nothing to remove where there is no network', async () => {
  const done = await run(daemon({ 'GET /networks': { body: [] } }), remove);
  expect(done).toMatchObject({ error: null, changing: [] });
});

const gone = { status: 404, body: { message: 'No such container: c1' } };

it.each<[string, Record<string, ReturnType<Answer>>, string | null]>([
  ['stops it first', {}, null],
  ['takes one that does not run', { 'POST /containers/c1/stop': { status: 304 } }, null],
  ['is done with one that is gone', { 'POST /containers/c1/stop': gone, 'DELETE /containers': gone }, null],
  [
    'says why Docker would not',
    { 'POST /containers/c1/stop': { status: 500, body: { message: 'permission denied' } } },
    'StepError: container photo-db-1 was not removed: Docker says: permission denied',
  ],
])('container-remove %s, and never removes its volumes', async (_what, answers, error) => {
  const done = await run(daemon(answers), drop);
  expect(done.error).toBe(error);
  expect(done.changing[0]).toMatch(/^POST \/containers\/c1\/stop/);
  expect(done.changing.join(' ')).not.toMatch(/[?&](v|volumes)=(true|1)/);
});

it('gives up on a daemon that hangs', async () => {
  const done = await run(() => null, drop, 100);
  expect(done.error).toBe('StepError: container photo-db-1 was not removed: Docker did not answer in time');
});
