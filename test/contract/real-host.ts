import { rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostObserver } from '../../observers/host.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { connectDocker } from '../../tools/docker.ts';
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
    tellToStop,
    async startedMs(containerId) {
      const docker = await connectDocker({});
      return Date.parse((await docker.getContainer(containerId).inspect()).State.StartedAt);
    },
    now: Date.now,
    async later(seconds) {
      await sleep(seconds * 1000);
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

/** Docker tells of the signal that it has sent; then the call is cut, as by the end of who made it. */
async function tellToStop(containerId: string): Promise<void> {
  const docker = await connectDocker({});
  const gone = new AbortController();
  const filters = { container: [containerId], event: ['kill'] };
  const events = await docker.getEvents({ filters, abortSignal: gone.signal });
  const told = once(events, 'data');
  const call = docker.getContainer(containerId).stop({ abortSignal: gone.signal });
  const cut = rejects(call, { name: 'AbortError' });
  await told;
  events.on('error', () => {});
  gone.abort();
  await cut;
}
