import type { DesiredContainer, DesiredStack, DesiredState } from '../desired-state/types.ts';
import type { StackRef } from '../reconciler/types.ts';
import { digestValue } from '../tools/digest.ts';

/** One service of a stack as compose would resolve it: what the simulated compose goes by. */
export interface SimulatedService {
  /** Name inside the compose file. */
  name: string;
  containerName: string | null;
  image: string;
  /** What is stamped as com.docker.compose.config-hash. */
  hash: string;
  /** The label io.steward.files; null without one. */
  filesDigest: string | null;
  replicas: number;
  /** External ones must exist; the others compose makes for itself. */
  networks: { name: string; external: boolean }[];
  /** Services of the same stack that compose looks at as well, even where they are not listed. */
  dependsOn?: string[];
  oneShot: boolean;
  hasHealthcheck: boolean;
  /** Absolute host paths. */
  bindMounts: string[];
}

/** Stands in for `docker compose config`, so that the simulator need not know compose. */
export type ResolveStack = (stack: StackRef) => Promise<SimulatedService[]>;

/** The stacks of a desired state by project, for hosts that are driven in the process that loaded it. */
export function resolveFromDesired(desired: DesiredState): ResolveStack {
  const stacks = new Map<string, SimulatedService[]>();
  const external = new Set<string>();
  for (const resource of desired.resources)
    if (resource.kind === 'docker-network') external.add(resource.name);
  for (const resource of desired.resources) {
    if (resource.kind === 'compose-stack') stacks.set(resource.name, simulatedServices(resource, external));
  }
  return async (stack) => stacks.get(stack.project) ?? [];
}

/** A container whose hash was not asked from compose gets one of its fields, image included. */
export function simulatedServices(stack: DesiredStack, external: ReadonlySet<string>): SimulatedService[] {
  return stack.containers.map((container) => ({
    name: container.name,
    containerName: container.containerName,
    image: container.image,
    hash: container.configHash ?? stubHash(container),
    filesDigest: container.filesDigest,
    replicas: container.replicas,
    networks: container.networks.map((name) => ({ name, external: external.has(name) })),
    oneShot: container.oneShot,
    hasHealthcheck: container.hasHealthcheck,
    bindMounts: container.bindMounts,
  }));
}

function stubHash({ image, fields, networks, bindMounts }: DesiredContainer): string {
  return digestValue({ image, fields, networks, bindMounts });
}
