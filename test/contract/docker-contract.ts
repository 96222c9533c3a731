import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict';
import type { ComposeUp, StackRef, Step } from '../../reconciler/types.ts';
import {
  type ContractCase,
  type ContractHost,
  containersOf,
  dockerOf,
  execute,
  networkOf,
  restOf,
} from './contract-host.ts';

export function network(
  host: ContractHost,
  name: string,
  at: 0 | 1 = 0,
): Extract<Step, { op: 'network-create' }> {
  const labels = { 'io.steward.contract': 'yes' };
  return { op: 'network-create', network: `${host.prefix}${name}`, subnet: host.subnets[at], labels };
}

export function up(stack: StackRef, given: Partial<ComposeUp> = {}): ComposeUp {
  return { op: 'compose-up', stack, services: [], build: false, forceRecreate: false, guards: [], ...given };
}

/** `app` needs `db`; `other` stands alone. */
async function stack(host: ContractHost, name: string, revision = 'one') {
  const net = network(host, name);
  await execute(host, net);
  const common = { revision: 'same', network: net.network };
  const services = [
    { ...common, name: 'app', revision, dependsOn: ['db'] },
    { ...common, name: 'db' },
    { ...common, name: 'other' },
  ];
  return { network: net.network, ref: await host.stack(`${host.prefix}${name}`, services) };
}

/** Frees the subnet for the next case. */
export async function clear(host: ContractHost, made: { network: string; ref: StackRef }): Promise<void> {
  await execute(host, { op: 'compose-down', project: made.ref.project });
  await execute(host, { op: 'network-remove', network: made.network });
}

async function ids(host: ContractHost, project: string): Promise<Record<string, string>> {
  const found = Object.entries(await containersOf(host, project));
  return Object.fromEntries(found.map(([service, { id }]) => [service, id]));
}

/** On a slow machine a container stops being new between two looks. */
function ageless(found: Awaited<ReturnType<typeof containersOf>>) {
  return Object.fromEntries(
    Object.entries(found).map(([service, container]) => [service, { ...container, justStarted: false }]),
  );
}

export const dockerContract: ContractCase[] = [
  {
    name: 'a network has its subnet and labels; again changes nothing; removed it is gone, also twice',
    async run(host) {
      const step = network(host, 'net');
      const before = await restOf(host, [step.network]);
      await execute(host, step);
      const once = await networkOf(host, step.network);
      equal(once?.driver, 'bridge');
      deepEqual(once?.subnets, [step.subnet]);
      equal(once?.labels['io.steward.contract'], 'yes');
      await execute(host, step);
      deepEqual(await networkOf(host, step.network), once);
      const remove: Step = { op: 'network-remove', network: step.network };
      await execute(host, remove, remove);
      equal(await networkOf(host, step.network), undefined);
      deepEqual(await restOf(host, [step.network]), before);
    },
  },
  {
    name: 'a network of the same name with another subnet is an error and stays',
    async run(host) {
      const step = network(host, 'taken');
      await execute(host, step);
      const other = network(host, 'taken', 1);
      await rejects(execute(host, other), { name: 'StepError' });
      deepEqual((await networkOf(host, step.network))?.subnets, [step.subnet]);
      await execute(host, { op: 'network-remove', network: step.network });
    },
  },
  {
    name: 'a network in the middle of another one is refused',
    async run(host) {
      const step = network(host, 'first');
      await execute(host, step);
      const overlapping = { ...network(host, 'second'), subnet: step.subnet };
      await rejects(execute(host, overlapping), { name: 'StepError' });
      equal(await networkOf(host, overlapping.network), undefined);
      await execute(host, { op: 'network-remove', network: step.network });
    },
  },
  {
    name: 'compose-up starts every container with its labels, and again recreates none',
    async run(host) {
      const made = await stack(host, 'up');
      await execute(host, up(made.ref));
      const found = await containersOf(host, made.ref.project);
      deepEqual(Object.keys(found).sort(), ['app', 'db', 'other']);
      const net = await networkOf(host, made.network);
      for (const container of Object.values(found)) {
        equal(container.state, 'running');
        equal(container.oneOff, false);
        ok(container.configHash);
        equal(container.networks[made.network], net?.id);
      }
      await execute(host, up(made.ref));
      deepEqual(ageless(await containersOf(host, made.ref.project)), ageless(found));
      await clear(host, made);
    },
  },
  {
    name: 'compose-up of one service recreates it and no other, with the hash of the whole project',
    async run(host) {
      const made = await stack(host, 'change');
      await execute(host, up(made.ref));
      const before = await ids(host, made.ref.project);
      const changed = await stack(host, 'change', 'two');
      await execute(host, up(changed.ref, { services: ['app'] }));
      const after = await ids(host, made.ref.project);
      notEqual(after.app, before.app);
      deepEqual({ ...after, app: before.app }, before);
      await execute(host, up(changed.ref));
      deepEqual(await ids(host, made.ref.project), after);
      await clear(host, made);
    },
  },
  {
    name: 'compose-up by force recreates exactly the listed service',
    async run(host) {
      const made = await stack(host, 'force');
      await execute(host, up(made.ref));
      const before = await ids(host, made.ref.project);
      await execute(host, up(made.ref, { services: ['app'], forceRecreate: true }));
      const after = await ids(host, made.ref.project);
      notEqual(after.app, before.app);
      deepEqual({ ...after, app: before.app }, before);
      await clear(host, made);
    },
  },
  {
    name: 'a removed container is made again by compose-up, the others stay',
    async run(host) {
      const made = await stack(host, 'removed');
      await execute(host, up(made.ref));
      const before = await containersOf(host, made.ref.project);
      const { id = '', name = '' } = before.other ?? {};
      const remove: Step = { op: 'container-remove', id, name };
      await execute(host, remove, remove);
      equal((await containersOf(host, made.ref.project)).other, undefined);
      await execute(host, up(made.ref, { services: ['other'] }));
      const after = await containersOf(host, made.ref.project);
      equal(after.other?.state, 'running');
      equal(after.app?.id, before.app?.id);
      await clear(host, made);
    },
  },
  {
    name: 'a restart keeps the containers, and all of them run afterwards',
    async run(host) {
      const made = await stack(host, 'restart');
      await execute(host, up(made.ref));
      const before = await ids(host, made.ref.project);
      await execute(host, { op: 'compose-restart', stack: made.ref, services: ['other'], guards: [] });
      deepEqual(await ids(host, made.ref.project), before);
      const found = Object.values(await containersOf(host, made.ref.project));
      deepEqual(
        found.map(({ state }) => state),
        ['running', 'running', 'running'],
      );
      await clear(host, made);
    },
  },
  {
    name: 'compose-down removes the containers and neither the external network nor anything else; twice is fine',
    async run(host) {
      const made = await stack(host, 'down');
      const before = await restOf(host, [made.ref.project]);
      await execute(host, up(made.ref));
      const down: Step = { op: 'compose-down', project: made.ref.project };
      await execute(host, down, down);
      deepEqual(await containersOf(host, made.ref.project), {});
      deepEqual(await restOf(host, [made.ref.project]), before);
      await clear(host, made);
    },
  },
  {
    name: 'a network that a running container uses is not removed',
    async run(host) {
      const made = await stack(host, 'used');
      await execute(host, up(made.ref, { services: ['other'] }));
      const remove: Step = { op: 'network-remove', network: made.network };
      await rejects(execute(host, remove), { name: 'StepError' });
      ok(await networkOf(host, made.network));
      await clear(host, made);
    },
  },
  {
    name: 'a running container joins a network and leaves it, also twice, and runs on',
    async run(host) {
      const made = await stack(host, 'hub');
      await execute(host, up(made.ref, { services: ['other'] }));
      const { other } = await containersOf(host, made.ref.project);
      const spoke = network(host, 'spoke', 1);
      const ends = { network: spoke.network, container: other?.name ?? '' };
      const join: Step = { op: 'network-connect', ...ends };
      await rejects(execute(host, join), { name: 'StepError' });
      await execute(host, spoke, join, join);
      const joined = (await containersOf(host, made.ref.project)).other;
      equal(joined?.networks[spoke.network], (await networkOf(host, spoke.network))?.id);
      equal(joined?.id, other?.id);
      equal(joined?.state, 'running');
      await rejects(execute(host, { op: 'network-remove', network: spoke.network }), { name: 'StepError' });
      const leave: Step = { op: 'network-disconnect', ...ends };
      await execute(host, leave, leave, { op: 'network-remove', network: spoke.network }, leave);
      deepEqual((await containersOf(host, made.ref.project)).other?.networks, other?.networks);
      await clear(host, made);
    },
  },
  {
    name: 'a stack without its external network is not started',
    async run(host) {
      const made = await stack(host, 'nonet');
      await execute(host, { op: 'network-remove', network: made.network });
      await rejects(execute(host, up(made.ref)), { name: 'StepError' });
      const { containers } = await dockerOf(host);
      const running = containers.filter((one) => one.project === made.ref.project && one.state === 'running');
      deepEqual(running, []);
      await clear(host, made);
    },
  },
  {
    name: 'a stack whose dataset is not mounted is not started',
    async run(host) {
      const made = await stack(host, 'guard');
      const guard = {
        dataset: `${host.parent.dataset}/stack`,
        mountpoint: `${host.parent.mountpoint}/stack`,
      };
      await execute(host, { op: 'zfs-create', ...guard, properties: {} });
      await host.unmount(guard.dataset);
      await rejects(execute(host, up(made.ref, { guards: [guard] })), { name: 'StepError' });
      deepEqual(await containersOf(host, made.ref.project), {});
      await execute(host, { op: 'zfs-mount', ...guard }, up(made.ref, { guards: [guard] }));
      equal(Object.keys(await containersOf(host, made.ref.project)).length, 3);
      await clear(host, made);
    },
  },
];
