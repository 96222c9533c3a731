import { textOf } from '../compose/mask.ts';
import type { ResolvedService } from '../compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from '../context.ts';
import { flatten, variablePlace } from '../fields.ts';
import { networkName, volumeFolders } from '../mounts.ts';
import type { DesiredContainer, Origin } from '../types.ts';

/** What a container is made from beside what compose hashes of it, and where that is written. */
export function containerInputs(
  context: ServiceContext,
  service: ResolvedService,
): { inputs?: Record<string, string>; origins: Record<string, Origin> } {
  const inputs = { ...texts(context, service), ...volumes(context, service), ...builds(context, service) };
  if (Object.keys(inputs).length === 0) return { origins: {} };
  const origins = Object.keys(inputs).flatMap((field) => {
    const origin = originOf(context, field);
    return origin === null ? [] : [[field, origin] as const];
  });
  return { inputs, origins: Object.fromEntries(origins) };
}

/** Of files there are digests already. */
function texts({ project }: ServiceContext, service: ResolvedService): Record<string, string> {
  const used = (['configs', 'secrets'] as const).flatMap((part) =>
    (service[part] ?? []).map(
      ({ source }) => [`${part}.${source}`, textOf(project[part]?.[source])] as const,
    ),
  );
  return strings(used);
}

function volumes({ project }: ServiceContext, service: ResolvedService): Record<string, string> {
  const named = (service.volumes ?? []).filter(({ type, source }) => type === 'volume' && source);
  return strings(
    named.map(({ source = '' }) => [`volumes.${source}`, project.volumes?.[source]?.name] as const),
  );
}

function builds({ project }: ServiceContext, { build }: ResolvedService): Record<string, string> {
  if (build === undefined) return {};
  const handed = (build.secrets ?? []) as { source: string }[];
  const secrets = strings(
    handed.map(({ source }) => [`build.secrets.${source}`, textOf(project.secrets?.[source])] as const),
  );
  return { ...flatten(build, 'build'), ...secrets };
}

function strings(pairs: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

/** Of what lies outside of the container's own part of the file; null: it does not. */
function originOf(context: ServiceContext, field: string): Origin | null {
  const [, part = '', name = ''] = /^(?:build\.)?(configs|secrets|volumes)\.(.*)$/.exec(field) ?? [];
  const resource = context.project[part as 'configs' | 'secrets' | 'volumes']?.[name];
  if (resource === undefined) return null;
  const { environment } = resource;
  const place = typeof environment === 'string' ? variablePlace(context, environment) : undefined;
  return place ?? nearComposeOrigin(context, [part, name]);
}

/** What it uses, compose makes and Docker never changes again. */
export function madeOnce(
  context: ServiceContext,
  service: ResolvedService,
): Pick<DesiredContainer, 'ownNetworks' | 'volumeFolders'> {
  const folders = volumeFolders(context, service);
  return {
    ...ownNetworks(context, service),
    ...(Object.keys(folders).length === 0 ? {} : { volumeFolders: folders }),
  };
}

/** Those that are no resources of their own. */
function ownNetworks(
  { project }: ServiceContext,
  service: ResolvedService,
): Pick<DesiredContainer, 'ownNetworks'> {
  const made = Object.keys(service.networks ?? {}).flatMap((key) => {
    const network = project.networks?.[key];
    if (network === undefined || network.external === true) return [];
    return [[networkName(project, key), network.internal === true] as const];
  });
  return made.length === 0 ? {} : { ownNetworks: Object.fromEntries(made) };
}
