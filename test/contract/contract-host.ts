import type { ObservedContainer, ObservedState, Observer } from '../../observers/types.ts';
import type { Executor } from '../../reconciler/apply/types.ts';
import type { StackRef, Step } from '../../reconciler/types.ts';

/** A host that the contract may work on, and the few things that only its maker can do. */
export interface ContractHost {
  observer: Observer;
  executor: Executor;
  /** A mounted dataset below which the contract makes its own. */
  parent: { dataset: string; mountpoint: string };
  /** Two /28 networks that nothing else uses. */
  subnets: [string, string];
  /** Begins every name of a project and network. */
  prefix: string;
  /** Writes a compose project and says how it is called. */
  stack(project: string, services: ContractService[]): Promise<StackRef>;
  /** Behind the executor's back. */
  unmount(dataset: string): Promise<void>;
  /** By somebody who is gone as soon as Docker has begun with it. */
  tellToStop(containerId: string): Promise<void>;
  /** When this container was started last, by the clock of `now`. */
  startedMs(containerId: string): Promise<number>;
  now(): number;
  later(seconds: number): Promise<void>;
  cleanup(): Promise<void>;
}

/** A container that sleeps for ever. */
export interface ContractService {
  name: string;
  /** An environment variable: another value is another configuration. */
  revision: string;
  /** External network. */
  network: string;
  dependsOn?: string[];
  /** It runs on for so long when it is told to stop. Default 0. */
  graceSeconds?: number;
}

export interface ContractCase {
  name: string;
  run(host: ContractHost): Promise<void>;
}

export async function execute(host: ContractHost, ...steps: Step[]): Promise<void> {
  for (const step of steps) await host.executor.execute(step, {});
}

export async function observe(host: ContractHost, paths: string[] = []): Promise<ObservedState> {
  return host.observer.observe({ paths });
}

export async function datasetOf(host: ContractHost, name: string) {
  const { zfs } = await observe(host);
  if (!zfs.known) throw new Error(zfs.error);
  return zfs.value.datasets[name];
}

export async function dockerOf(host: ContractHost) {
  const { docker } = await observe(host);
  if (!docker.known) throw new Error(docker.error);
  return docker.value;
}

/** By name of the compose service. */
export async function containersOf(
  host: ContractHost,
  project: string,
): Promise<Record<string, ObservedContainer>> {
  const { containers } = await dockerOf(host);
  const own = containers.filter((container) => container.project === project);
  return Object.fromEntries(own.map((container) => [container.service ?? container.name, container]));
}

export async function networkOf(host: ContractHost, name: string) {
  return (await dockerOf(host)).networks.find((network) => network.name === name);
}

/** All of the host but what has one of these names: equal before and after means untouched. */
export async function restOf(host: ContractHost, names: string[]) {
  const { zfs, docker } = await observe(host);
  if (!zfs.known || !docker.known) throw new Error('the host does not answer');
  const other = (item: { name: string }) => !names.includes(item.name);
  const named = (item: ObservedContainer) => !names.includes(item.project ?? '');
  return {
    datasets: Object.values(zfs.value.datasets).filter(other),
    networks: docker.value.networks.filter(other),
    containers: docker.value.containers.filter(named).map(({ id, name, state }) => ({ id, name, state })),
  };
}
