import { equal } from 'node:assert/strict';
import type { QuiescedContainer } from '../../reconciler/backup/step-parts.ts';
import type { Step } from '../../reconciler/types.ts';
import { type ContractCase, type ContractHost, containersOf, execute } from './contract-host.ts';
import { clear, network, up } from './docker-contract.ts';

/** Longer than a call, shorter than anybody's patience. */
const graceSeconds = 6;

async function slowOne(host: ContractHost, name: string) {
  const net = network(host, name);
  await execute(host, net);
  const slow = { name: 'slow', revision: 'one', network: net.network, graceSeconds };
  const ref = await host.stack(`${host.prefix}${name}`, [slow]);
  await execute(host, up(ref));
  await host.later(1);
  const look = async () => (await containersOf(host, ref.project)).slow;
  const found = await look();
  const container: QuiescedContainer = { id: found?.id ?? '', name: found?.name ?? '', needs: [] };
  return { made: { network: net.network, ref }, look, container };
}

/** A stop goes on when nobody waits for it any more. */
export const stopContract: ContractCase[] = [
  {
    name: 'a container that was told to stop runs on for its grace, and is down then, though it was started meanwhile',
    async run(host) {
      const { made, look, container } = await slowOne(host, 'ending');
      await host.tellToStop(container.id);
      equal((await look())?.state, 'running');
      await execute(host, { op: 'containers-start', containers: [container] });
      await host.later(graceSeconds + 2);
      equal((await look())?.state, 'exited');
      await clear(host, made);
    },
  },
  {
    name: 'a container that is ending has ended when a stop is done',
    async run(host) {
      const { made, look, container } = await slowOne(host, 'twice');
      await host.tellToStop(container.id);
      await execute(host, { op: 'containers-stop', containers: [container] });
      equal((await look())?.state, 'exited');
      await clear(host, made);
    },
  },
  {
    name: 'what puts a stop right has a container that is ending end, and run then; again it is left alone',
    async run(host) {
      const { made, look, container } = await slowOne(host, 'right');
      const given = { sinceMs: host.now() };
      await host.tellToStop(container.id);
      await host.later(1);
      const start: Step = { op: 'containers-start', containers: [container] };
      await host.executor.execute(start, given);
      const startedMs = await host.startedMs(container.id);
      await host.later(graceSeconds + 2);
      equal((await look())?.state, 'running');
      await host.executor.execute(start, given);
      equal(await host.startedMs(container.id), startedMs);
      await clear(host, made);
    },
  },
];
