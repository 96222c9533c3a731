import type { DesiredContainer, DesiredStack, DesiredState } from '../desired-state/types.ts';
import { StepError } from '../reconciler/apply/types.ts';
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
  networks: { name: string; external: boolean; internal?: boolean }[];
  /** Services of the same stack that compose looks at as well, even where they are not listed. */
  dependsOn?: string[];
  oneShot: boolean;
  hasHealthcheck: boolean;
  /** Absolute host paths. */
  bindMounts: string[];
}

/** Stands in for `docker compose config`, so that the simulator need not know compose. */
export type ResolveStack = (stack: StackRef) => Promise<SimulatedService[]>;

/** Fills in what compose would stamp on the containers, as `Source.hashes` of a cycle does. */
export type HashStacks = (stacks: DesiredStack[]) => Promise<DesiredStack[]>;

/**
 * The stacks of the desired state that is in force at the moment of a step, for hosts that are driven by the process
 * that loaded it. `hashes` must be the one that the cycle compares with, or containers are recreated for ever;
 * without it the hashes in the desired state count.
 */
export function resolveFromDesired(
  current: DesiredState | (() => DesiredState),
  hashes: HashStacks = async (stacks) => stacks,
): ResolveStack {
  let known: Lookup | null = null;
  return async ({ project }) => {
    const desired = typeof current === 'function' ? current() : current;
    if (known?.desired !== desired) known = lookup(desired);
    const { external } = known;
    const stack = known.stacks.get(project);
    if (stack === undefined)
      throw new StepError(`no stack ${project} in commit ${desired.commit.id.slice(0, 7)}`);
    const hashed = await hashes([stack]);
    return hashed.flatMap((item) => simulatedServices(item, external));
  };
}

interface Lookup {
  desired: DesiredState;
  stacks: Map<string, DesiredStack>;
  external: Set<string>;
}

function lookup(desired: DesiredState): Lookup {
  const found: Lookup = { desired, stacks: new Map(), external: new Set() };
  for (const resource of desired.resources) {
    if (resource.kind === 'docker-network') found.external.add(resource.name);
    if (resource.kind === 'compose-stack') found.stacks.set(resource.name, resource);
  }
  return found;
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
    networks: container.networks.map((name) => ({
      name,
      external: external.has(name),
      internal: container.ownNetworks?.[name] === true,
    })),
    oneShot: container.oneShot,
    hasHealthcheck: container.hasHealthcheck,
    bindMounts: container.bindMounts,
  }));
}

function stubHash({ image, fields, networks, bindMounts }: DesiredContainer): string {
  return digestValue({ image, fields, networks, bindMounts });
}
