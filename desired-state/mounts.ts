import path from 'node:path';
import { folderOf } from './compose/mask.ts';
import type { ResolvedProject, ResolvedService } from './compose/types.ts';
import { composeOrigin, nearComposeOrigin, type ServiceContext } from './context.ts';
import type { Origin } from './types.ts';

/** A host path that a container sees. */
export interface BindMount {
  container: string;
  /** Absolute, normalised. */
  source: string;
  target: string;
  readOnly: boolean;
  origin: Origin;
}

/** Bind mounts of all containers, in the order in which the containers are written. */
export function bindMounts(context: ServiceContext): BindMount[] {
  return containerNames(context).flatMap((container) => {
    const service = context.project.services[container];
    return service ? mountsOf(context, container, service) : [];
  });
}

/** Names of the compose services in the order of the files: compose prints them sorted. */
export function containerNames(context: ServiceContext): string[] {
  const names = Object.keys(context.project.services);
  const origins = new Map(names.map((name) => [name, composeOrigin(context, ['services', name])]));
  const rank = (name: string) => {
    const origin = origins.get(name);
    return origin ? origin.line * 10_000 + origin.column : Number.MAX_SAFE_INTEGER;
  };
  return names.sort((a, b) => rank(a) - rank(b));
}

function mountsOf(context: ServiceContext, container: string, service: ResolvedService): BindMount[] {
  const written = mountOrigins(context, container);
  return (service.volumes ?? []).flatMap((volume, index) => {
    const source = hostPath(context, volume);
    if (source === undefined) return [];
    // Merged files number the volumes anew, so the entry is found by its target.
    const origin =
      written.get(volume.target) ?? nearComposeOrigin(context, ['services', container, 'volumes', index]);
    return [{ container, source, target: volume.target, readOnly: volume.read_only === true, origin }];
  });
}

/** Docker's name of each volume that is a folder of the host, and that the compose service writes to -> the folder. */
export function volumeFolders(context: ServiceContext, service: ResolvedService): Record<string, string> {
  const written = (service.volumes ?? []).filter(
    ({ type, read_only }) => type === 'volume' && read_only !== true,
  );
  return Object.fromEntries(
    written.flatMap((volume) => {
      const [name, folder] = [context.project.volumes[volume.source ?? '']?.name, hostPath(context, volume)];
      return name === undefined || folder === undefined ? [] : [[name, folder] as const];
    }),
  );
}

/** The host path of a bind mount, also of a named volume that is a bind mount in disguise. */
function hostPath(
  { project }: ServiceContext,
  { type, source }: { type: string; source?: string },
): string | undefined {
  const folder =
    type === 'volume' ? folderOf(project.volumes[source ?? '']) : type === 'bind' ? source : undefined;
  return folder?.startsWith('/') ? trimSlash(path.posix.normalize(folder)) : undefined;
}

function trimSlash(file: string): string {
  return file.length > 1 && file.endsWith('/') ? file.slice(0, -1) : file;
}

/** What may be the target of an entry -> where it is written, all of a container in one pass. */
function mountOrigins(context: ServiceContext, container: string): Map<string, Origin> {
  const found = new Map<string, Origin>();
  const base = ['services', container, 'volumes'];
  for (const yaml of [...context.composeYaml].reverse()) {
    for (let item = 0; ; item += 1) {
      const origin = yaml.find([...base, item]);
      if (!origin) break;
      const text = yaml.textAt([...base, item, 'target']) ?? yaml.textAt([...base, item]) ?? '';
      for (const part of text.replace(/["']/g, '').split(':').slice(0, 2))
        if (!found.has(part)) found.set(part, origin);
    }
  }
  return found;
}

/** Docker's name of each network of the project that the compose service joins. */
export function networkNames(project: ResolvedProject, service: ResolvedService): string[] {
  if (service.network_mode !== undefined && service.network_mode !== '') return [];
  const keys = Object.keys(service.networks ?? { default: null });
  return keys.map((key) => networkName(project, key)).sort();
}

/** Docker's name of what a compose file calls `key`. */
export function networkName(project: ResolvedProject, key: string): string {
  const network = project.networks?.[key];
  return network?.name ?? (network?.external === true ? key : `${project.name}_${key}`);
}

/** Whether `network_mode` is one: the server's own, that of another container, and none at all are no networks that could be joined. */
export function isNetwork(mode: string): boolean {
  return !/^(host$|none$|container:|service:)/.test(mode);
}
