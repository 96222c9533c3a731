import fc from 'fast-check';
import type { DesiredResource, DesiredStack, DesiredState } from '../../desired-state/types.ts';
import type { Drift } from '../../simulator/drift.ts';

/** Something that goes wrong on a host that runs, or ran, this lab. Never the loss of data. */
export function driftsOf(lab: DesiredState): fc.Arbitrary<Drift[]> {
  const candidates = lab.resources.flatMap(driftsOfResource);
  return candidates.length === 0
    ? fc.constant([])
    : fc.uniqueArray(fc.constantFrom(...candidates), { maxLength: 8 });
}

function driftsOfResource(resource: DesiredResource): Drift[] {
  switch (resource.kind) {
    case 'group':
    case 'borg-repository':
    case 'backup':
      return [];
    case 'zfs-dataset':
      return [
        { drift: 'unmountDataset', dataset: resource.name },
        { drift: 'overrideProperty', dataset: resource.name, property: 'recordsize', value: '32768' },
      ];
    case 'directory':
      return [
        { drift: 'chownDirectory', path: resource.path, uid: 0, gid: 0 },
        { drift: 'deleteDirectory', path: resource.path },
      ];
    case 'docker-network':
      return [{ drift: 'removeNetwork', network: resource.name }];
    case 'caddy-route':
      return [{ drift: 'reloadHub', caddyfile: 'by.hand {\n}\n' }];
    case 'dns-record':
      return [
        { drift: 'changeRecord', name: resource.name, address: '10.9.9.9' },
        { drift: 'changeRecord', name: resource.name, address: null },
      ];
    case 'hub-attachment':
      return [{ drift: 'leaveNetwork', network: resource.name, container: resource.hub.container }];
    case 'compose-stack':
      return containerNamesOf(resource).flatMap((name): Drift[] => [
        { drift: 'killContainer', name },
        { drift: 'removeContainer', name },
        { drift: 'editContainer', name },
      ]);
  }
}

/** As compose names them. */
export function containerNamesOf(resource: DesiredStack): string[] {
  return resource.containers.flatMap(({ name, containerName, replicas }) => {
    if (containerName !== null) return [containerName];
    return Array.from({ length: replicas }, (_, at) => `${resource.name}-${name}-${at + 1}`);
  });
}
