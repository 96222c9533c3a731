import type { Inferred, ServiceContext } from '../context.ts';
import type { LabFile } from '../lab.ts';
import type { DesiredOf, DesiredResource, Kind, Problem } from '../types.ts';
import { serviceBackup } from './backup.ts';
import { serviceRepository } from './borg-repository.ts';
import { serviceRoutes } from './caddy-route.ts';
import { serviceStack } from './compose-stack.ts';
import { serviceDirectories } from './directory.ts';
import { serviceRecords } from './dns-record.ts';
import { serviceNetworks } from './docker-network.ts';
import { sharedGroup } from './group.ts';
import { serviceAttachments } from './hub-attachment.ts';
import { parentDataset, serviceDatasets } from './zfs-dataset.ts';

/** How the resources of one kind follow from lab.yaml, and from each service. */
interface Inference<K extends Kind> {
  lab?: (lab: LabFile) => Inferred<DesiredOf<K>>;
  service?: (context: ServiceContext) => Inferred<DesiredOf<K>> | Promise<Inferred<DesiredOf<K>>>;
}

/** In order of creation: later kinds see what the earlier ones found. */
const inference = {
  group: { lab: sharedGroup },
  'zfs-dataset': { lab: parentDataset, service: serviceDatasets },
  directory: { service: serviceDirectories },
  'docker-network': { service: serviceNetworks },
  'compose-stack': { service: serviceStack },
  'hub-attachment': { service: serviceAttachments },
  'caddy-route': { service: serviceRoutes },
  'dns-record': { service: serviceRecords },
  'borg-repository': { service: serviceRepository },
  backup: { service: serviceBackup },
} satisfies { [K in Kind]: Inference<K> };

const all: Inference<Kind>[] = Object.values(inference);

/** What the services of a lab share. */
export function inferLab(lab: LabFile): Inferred<DesiredResource> {
  const found = all.flatMap(({ lab: infer }) => (infer ? [infer(lab)] : []));
  return {
    resources: found.flatMap(({ resources }) => resources),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** All resources of one service. */
export async function inferService(
  context: Omit<ServiceContext, 'earlier'>,
): Promise<Required<Inferred<DesiredResource>>> {
  const resources: DesiredResource[] = [];
  const problems: Problem[] = [];
  const outside: Record<string, string> = {};
  for (const { service: infer } of all) {
    if (!infer) continue;
    const found = await infer({ ...context, earlier: resources });
    resources.push(...found.resources);
    problems.push(...found.problems);
    Object.assign(outside, found.outside);
  }
  return { resources, problems, outside };
}
