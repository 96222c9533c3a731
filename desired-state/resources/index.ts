import type { Inferred, ServiceContext } from '../context.ts';
import type { DesiredOf, DesiredResource, Kind, Problem } from '../types.ts';
import { serviceStack } from './compose-stack.ts';
import { serviceDirectories } from './directory.ts';
import { serviceNetworks } from './docker-network.ts';
import { serviceDatasets } from './zfs-dataset.ts';

type Infer<K extends Kind> = (
  context: ServiceContext,
) => Inferred<DesiredOf<K>> | Promise<Inferred<DesiredOf<K>>>;

/** How the resources of each kind follow from a service, in order of creation: later kinds see the earlier. */
export const inference = {
  'zfs-dataset': serviceDatasets,
  directory: serviceDirectories,
  'docker-network': serviceNetworks,
  'compose-stack': serviceStack,
} satisfies { [K in Kind]: Infer<K> };

/** All resources of one service. */
export async function inferResources(
  context: Omit<ServiceContext, 'earlier'>,
): Promise<Required<Inferred<DesiredResource>>> {
  const resources: DesiredResource[] = [];
  const problems: Problem[] = [];
  const outside: Record<string, string> = {};
  for (const infer of Object.values(inference)) {
    const found: Inferred<DesiredResource> = await infer({ ...context, earlier: resources });
    resources.push(...found.resources);
    problems.push(...found.problems);
    Object.assign(outside, found.outside);
  }
  return { resources, problems, outside };
}
