import { describe, it } from 'vitest';
import type { StackRef } from '../../reconciler/types.ts';
import type { SimulatedService } from '../../simulator/services.ts';
import { aService, hostWith, run } from '../support/simulated.ts';
import type { ContractHost, ContractService } from './contract-host.ts';
import { executorContract } from './executor-contract.ts';

/** The simulator, with stacks handed over instead of written. */
async function simulatedContractHost(): Promise<ContractHost> {
  const stacks: Record<string, SimulatedService[]> = {};
  const host = hostWith(stacks);
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
      return reference(project);
    },
    async unmount(dataset) {
      host.drift({ drift: 'unmountDataset', dataset });
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
