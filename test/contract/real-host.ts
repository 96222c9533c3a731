import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostObserver } from '../../observers/host.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { run, runOk } from '../../tools/run.ts';
import { writeStack } from './compose-file.ts';
import type { ContractHost } from './contract-host.ts';

export interface RealHostOptions {
  pool: string;
  /** An image that has `sleep`. */
  image: string;
}

/** This very machine: needs root, a pool, Docker with compose, and an image. Makes a dataset of its own and removes it. */
export async function realContractHost(options: RealHostOptions): Promise<ContractHost> {
  const prefix = `contract${process.pid}`;
  const parent = { dataset: `${options.pool}/${prefix}`, mountpoint: `/${options.pool}/${prefix}` };
  const folder = await mkdtemp(path.join(tmpdir(), 'contract-'));
  const image = { name: options.image, sleep: ['sleep', '86400'] };
  const projects = new Set<string>();
  await runOk('zfs', ['create', '-o', `mountpoint=${parent.mountpoint}`, parent.dataset]);
  return {
    observer: hostObserver({ timeoutMs: 120_000 }),
    executor: hostExecutor(),
    parent,
    subnets: ['10.231.7.0/28', '10.231.7.16/28'],
    prefix,
    stack(project, services) {
      projects.add(project);
      return writeStack(folder, project, services, image);
    },
    async unmount(dataset) {
      await runOk('zfs', ['unmount', dataset]);
    },
    async cleanup() {
      for (const project of projects) await runOk('docker', ['compose', '-p', project, 'down']);
      const networks = await runOk('docker', [
        'network',
        'ls',
        '-q',
        '--filter',
        'label=io.steward.contract',
      ]);
      for (const id of networks.split('\n').filter(Boolean)) await run('docker', ['network', 'rm', id]);
      await runOk('zfs', ['destroy', '-r', parent.dataset], { timeoutMs: 120_000 });
      await rm(folder, { recursive: true });
    },
  };
}
