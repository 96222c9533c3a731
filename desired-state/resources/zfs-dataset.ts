import {
  type Inferred,
  type ServiceContext,
  serviceStorage,
  stackOrigin,
  withoutStorage,
} from '../context.ts';
import type { LabFile } from '../lab.ts';
import { readProperties } from '../properties.ts';
import type { DesiredDataset, Origin, Problem } from '../types.ts';

/** The parent dataset, which the lab's services share. */
export function parentDataset(lab: LabFile): Inferred<DesiredDataset> {
  if (lab.lab.storage === undefined) return { resources: [], problems: [] };
  const { parent, mountpoint, properties } = lab.lab.storage;
  const declared = readProperties(lab.yaml, ['storage', 'properties'], properties);
  const resource: DesiredDataset = {
    kind: 'zfs-dataset',
    id: `zfs-dataset:${parent}`,
    name: parent,
    service: null,
    origin: lab.yaml.at(['storage', 'parent']),
    needs: [],
    mountpoint,
    properties: declared.values,
    propertyOrigins: declared.origins,
    setsMountpoint: true,
  };
  return { resources: [resource], problems: declared.problems };
}

/** The dataset of a service and those below it. `a/b` brings `a` along, as `zfs create -p` would. */
export function serviceDatasets(context: ServiceContext): Inferred<DesiredDataset> {
  const storage = serviceStorage(context);
  if (storage === null) return { resources: [], problems: withoutStorage(context, 'dataset') };
  return datasetsBelow(context, storage);
}

type Storage = NonNullable<ReturnType<typeof serviceStorage>>;

function datasetsBelow(context: ServiceContext, storage: Storage): Inferred<DesiredDataset> {
  const problems: Problem[] = [];
  const { config, serviceYaml } = context;
  const make = (child: string, path: string[], properties: Properties, origin: Origin): DesiredDataset => {
    const declared = serviceYaml
      ? readProperties(serviceYaml, [...path, 'properties'], properties)
      : undefined;
    problems.push(...(declared?.problems ?? []));
    return dataset(context, storage, child, origin, declared?.values ?? {}, declared?.origins ?? {});
  };
  const origin = serviceYaml?.find(['dataset']) ? serviceYaml.atKey(['dataset']) : stackOrigin(context);
  const found = new Map([['', make('', ['dataset'], config.dataset?.properties, origin)]]);
  for (const [child, declared] of Object.entries(config.dataset?.children ?? {})) {
    const at = serviceYaml?.atKey(['dataset', 'children', child]) ?? origin;
    for (const ancestor of ancestors(child)) {
      if (!found.has(ancestor)) found.set(ancestor, dataset(context, storage, ancestor, at, {}, {}));
    }
    found.set(child, make(child, ['dataset', 'children', child], declared?.properties, at));
  }
  return { resources: [...found.values()], problems };
}

type Properties = Record<string, string | number | boolean> | undefined;

function ancestors(child: string): string[] {
  const parts = child.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

function dataset(
  context: ServiceContext,
  storage: Storage,
  child: string,
  origin: Origin,
  properties: Record<string, string>,
  propertyOrigins: Record<string, Origin>,
): DesiredDataset {
  const suffix = child === '' ? '' : `/${child}`;
  const name = `${storage.dataset}${suffix}`;
  return {
    kind: 'zfs-dataset',
    id: `zfs-dataset:${name}`,
    name,
    service: context.folder.name,
    origin,
    needs: [`zfs-dataset:${name.slice(0, name.lastIndexOf('/'))}`],
    mountpoint: `${storage.mountpoint}${suffix}`,
    properties,
    propertyOrigins,
    setsMountpoint: false,
  };
}
