import { folderOf, isPlain } from '../compose/mask.ts';
import { nearComposeOrigin, type ServiceContext } from '../context.ts';
import { type BrokenAt, eachContainer, isOwnContainer, texts } from './containers.ts';
import type { Broken } from './types.ts';

type Mount = NonNullable<ServiceContext['project']['services'][string]['volumes']>[number];

/** Mounts that are more than a folder of the host or a plain volume. Which folders may be is judged elsewhere. */
export function oddMounts(context: ServiceContext): Broken[] {
  const mounts = eachContainer(context, ({ volumes = [] }, name) =>
    volumes.flatMap((mount, index): BrokenAt[] => {
      const what = oddityOf(mount);
      const at = ['volumes', index];
      return what === null ? [] : [{ at, message: `${name} mounts ${mount.target} ${what}` }];
    }),
  );
  return [...mounts, ...ofContainers(context), ...ofDrivers(context)];
}

function oddityOf({ type, source = '', bind }: Mount): string | null {
  if (!['bind', 'volume', 'tmpfs'].includes(type)) return `as ${type}, which no rule knows`;
  if (type === 'bind' && !source.startsWith('/')) return `from ${source}, and nobody knows where that is`;
  const { propagation } = (bind ?? {}) as { propagation?: unknown };
  const isShared = propagation === 'shared' || propagation === 'rshared';
  return isShared ? `as ${propagation}: what is mounted in the container is on the server too` : null;
}

function ofContainers(context: ServiceContext): Broken[] {
  return eachContainer(context, ({ volumes_from: from }, name) =>
    texts(from).flatMap((item, index) => {
      const other = /^container:([^:]*)/.exec(item)?.[1];
      if (other === undefined || isOwnContainer(context, other)) return [];
      const message = `${name} has all mounts of the container ${other}`;
      return [{ at: ['volumes_from', index], message, text: item }];
    }),
  );
}

/** Told of each container that uses the volume, so that an exception can be made for one. */
function ofDrivers(context: ServiceContext): Broken[] {
  const found = eachContainer(context, ({ volumes = [] }, name) =>
    volumes.flatMap(({ type, source = '' }) => {
      const what = type === 'volume' ? driverOf(context.project.volumes?.[source]) : null;
      return what === null
        ? []
        : [{ at: [], message: `${name} mounts the volume ${source}, ${what}`, text: source }];
    }),
  );
  return found.map((each) => ({
    ...each,
    origin: nearComposeOrigin(context, ['volumes', each.text ?? '']),
  }));
}

function driverOf(volume: ServiceContext['project']['volumes'][string] | undefined): string | null {
  const { driver, driver_opts: options } = volume ?? {};
  if (typeof driver === 'string' && driver !== '' && driver !== 'local') return `which ${driver} gives`;
  const { type = 'none', o, device, ...others } = (options ?? {}) as Record<string, unknown>;
  if (o === undefined && device === undefined && type === 'none' && !hasAny(others)) return null;
  const isFolder = folderOf(volume) !== null && typeof o === 'string' && isPlain(o);
  return isFolder && type === 'none' && !hasAny(others) ? null : 'which is not a plain folder of the server';
}

function hasAny(value: object): boolean {
  return Object.keys(value).length > 0;
}
