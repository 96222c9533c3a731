import { describe, it } from 'vitest';
import type { StackRef } from '../../reconciler/types.ts';
import { tellToStop } from '../../simulator/containers.ts';
import type { SimulatedService } from '../../simulator/services.ts';
import { aService, handClock, hostWith, run } from '../support/simulated.ts';
import type { ContractHost, ContractService } from './contract-host.ts';
import { executorContract } from './executor-contract.ts';

/** The simulator, with stacks handed over instead of written. */
async function simulatedContractHost(): Promise<ContractHost> {
  const stacks: Record<string, SimulatedService[]> = {};
  const clock = handClock();
  const host = hostWith(stacks, { now: clock.now });
  const parent = { dataset: 'datapool/contract', mountpoint: '/datapool/contract' };
  await run(host, { op: 'zfs-create', ...parent, properties: { mountpoint: parent.mountpoint } });
  return {
    observer: host.observer,
    executor: host.executor,
    parent,
    subnets: ['10.231.7.0/28', '10.231.7.16/28'],
    prefix: 'contract',
    async stack(project, services) {
      stacks[project] = services.map(simulated);
      for (const { name, graceSeconds = 0 } of services)
        host.behave(`${project}/${name}`, { stopMs: graceSeconds * 1000 });
      return reference(project);
    },
    async unmount(dataset) {
      host.drift({ drift: 'unmountDataset', dataset });
    },
    async tellToStop(containerId) {
      tellToStop(host.state, containerId, 137);
    },
    async startedMs(containerId) {
      return host.state.containers.get(containerId)?.startedAtMs ?? 0;
    },
    now: clock.now,
    async later(seconds) {
      clock.advance(seconds * 1000);
    },
    async cleanup() {},
  };
}

function simulated({ name, revision, network }: ContractService): SimulatedService {
  return aService({
    name,
    hash: `${name} ${revision}`,
    networks: [{ name: network, external: true }],
  });
}

function reference(project: string): StackRef {
  return { project, directory: `/lab/${project}`, files: [], envFiles: [], override: null };
}

describe('the simulator keeps the contract of executors', () => {
  it.each(executorContract.map(({ name, run }) => [name, run] as const))('%s', async (_name, runCase) => {
    await runCase(await simulatedContractHost());
  });
});
