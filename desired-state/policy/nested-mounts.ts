import path from 'node:path';
import type { ServiceContext } from '../context.ts';
import { type BindMount, bindMounts } from '../mounts.ts';
import type { Broken } from './types.ts';

/**
 * Mounts of a folder that lies inside another one into which a container writes. That container can put a symbolic link
 * in the place of the folder, to `/` as well, and Docker follows it as root when the mount is made the next time: at the
 * start of the container, be it in the middle of one `compose up` or after a crash, with nobody looking.
 *
 * No container can do so with what is mounted at the same place in itself (`/data` and `/data/cache`): the kernel moves
 * and removes no folder on which the one who asks sees a mount. Source: Linux, fs/namei.c, is_local_mountpoint.
 */
export function nestedMounts(context: ServiceContext): Broken[] {
  const targets = mountedAt(context);
  return nested(bindMounts(context)).flatMap(({ mount, inside }) => {
    const writer = inside.find((each) => !isKept(each, mount, targets));
    if (writer === undefined) return [];
    const { container, source, origin } = mount;
    const who = writer.container === container ? 'it' : writer.container;
    const message = `${container} mounts ${source}, and ${who} can put a link to anywhere on the server in its place, as it writes to ${writer.source}`;
    const fix = `mount ${writer.source} itself in ${container}, or a folder that is not inside it`;
    return [{ container, origin, message, text: source, fix }];
  });
}

interface Nested {
  mount: BindMount;
  /** Mounts that are not read-only, of a folder around that of the mount. */
  inside: BindMount[];
}

/** In one pass over the sorted paths: what is around the one at hand is what is open. In the order of the mounts. */
function nested(mounts: BindMount[]): Nested[] {
  const byPath = new Map<string, BindMount[]>();
  for (const mount of mounts) byPath.set(slashed(mount), [...(byPath.get(slashed(mount)) ?? []), mount]);
  const open: BindMount[] = [];
  const around = new Map<string, BindMount[]>();
  for (const folder of [...byPath.keys()].sort()) {
    while (open.length > 0 && !folder.startsWith(slashed(open.at(-1)))) open.pop();
    around.set(folder, [...open]);
    open.push(...(byPath.get(folder) ?? []).filter(({ readOnly }) => !readOnly));
  }
  return mounts.map((mount) => ({ mount, inside: around.get(slashed(mount)) ?? [] }));
}

function slashed(mount: BindMount | undefined): string {
  return mount === undefined || mount.source === '/' ? '/' : `${mount.source}/`;
}

/** Whether the writer sees a mount on each folder on the way: none of them it can put something else in the place of. */
function isKept(
  writer: BindMount,
  { source }: BindMount,
  targets: ReadonlyMap<string, Set<string>>,
): boolean {
  const own = targets.get(writer.container);
  const steps = path.posix.relative(writer.source, source).split('/');
  return steps.every((_step, index) => {
    return own?.has(path.posix.join(writer.target, ...steps.slice(0, index + 1))) === true;
  });
}

/** Container -> all places in it on which something is mounted. */
function mountedAt({ project }: ServiceContext): Map<string, Set<string>> {
  const entries = Object.entries(project.services).map(([name, { volumes = [] }]) => {
    const places = volumes.map(({ target }) => path.posix.join('/', target).replace(/(.)\/$/, '$1'));
    return [name, new Set(places)] as const;
  });
  return new Map(entries);
}
