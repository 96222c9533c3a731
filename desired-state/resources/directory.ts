import path from 'node:path';
import {
  composeOrigin,
  type Inferred,
  type ServiceContext,
  serviceStorage,
  withoutStorage,
} from '../context.ts';
import { isBelow } from '../files.ts';
import { type BindMount, bindMounts } from '../mounts.ts';
import { type ContainerOwner, parseOwner } from '../owners.ts';
import { errorAt, place, warningAt } from '../problems.ts';
import { nearest, quote } from '../schema/explain.ts';
import type { ServiceConfig } from '../schema/service.ts';
import { fullMode } from '../schema/units.ts';
import type { DesiredDataset, DesiredDirectory, Origin, Problem, ResourceId } from '../types.ts';

type Declared = ServiceConfig['directories'][number];

/** What is known of one path, from the compose files, from service.yaml or from both. */
interface Wish {
  path: string;
  origin: Origin;
  mounts: BindMount[];
  declared?: Declared;
  /** Place of the entry in service.yaml. */
  index?: number;
}

/** Directories below the service's dataset: every bind mount there, and what service.yaml adds or corrects. */
export function serviceDirectories(context: ServiceContext): Inferred<DesiredDirectory> {
  const root = serviceStorage(context)?.mountpoint;
  if (root === undefined) return { resources: [], problems: withoutStorage(context, 'directories') };
  const problems: Problem[] = [];
  const wishes = collect(context, root, problems);
  const datasets = context.earlier.filter((resource) => resource.kind === 'zfs-dataset');
  const resources = wishes.map((wish) => directory(context, wish, datasets, problems));
  return { resources: resources.map((resource) => withAncestor(resource, resources)), problems };
}

function collect(context: ServiceContext, root: string, problems: Problem[]): Wish[] {
  const wishes = new Map<string, Wish>();
  const yaml = context.serviceYaml;
  for (const [index, declared] of context.config.directories.entries()) {
    const target = declared.path === '.' ? root : path.posix.join(root, declared.path);
    const origin = yaml?.at(['directories', index]) ?? { file: context.folder.folder, line: 1, column: 1 };
    const twin = wishes.get(target);
    if (twin) {
      const message = `${quote(declared.path)} is declared twice, first at ${place(twin.origin)}`;
      problems.push(errorAt(origin, message, 'keep one of the two', declared.path));
    } else wishes.set(target, { path: target, origin, mounts: [], declared, index });
  }
  for (const mount of bindMounts(context)) {
    if (!isBelow(mount.source, root)) continue;
    const wish = wishes.get(mount.source);
    if (wish) wish.mounts.push(mount);
    else if (looksLikeFile(mount)) problems.push(fileMount(mount));
    else wishes.set(mount.source, { path: mount.source, origin: mount.origin, mounts: [mount] });
  }
  return [...wishes.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * What lies on the disk cannot be known from here. Both ends of a file's mount end in the same extension
 * (`acme.json:/acme.json`); a directory such as `my.domain.lan:/data` or `conf.d:/etc/conf.d` does not look so.
 */
export function looksLikeFile(mount: { source: string; target: string }): boolean {
  const extension = (file: string) => path.posix.extname(file).toLowerCase();
  const found = extension(mount.source);
  return /^\.(?!d$)(?=[a-z0-9]*[a-z])[a-z0-9]{1,8}$/.test(found) && extension(mount.target) === found;
}

function fileMount(mount: BindMount): Problem {
  const message = `${mount.source} looks like a file, which Steward does not create`;
  const fix = 'mount the directory that holds it, or declare it under `directories` if it is one';
  return warningAt(mount.origin, message, fix, mount.source);
}

function directory(
  context: ServiceContext,
  wish: Wish,
  datasets: DesiredDataset[],
  problems: Problem[],
): DesiredDirectory {
  const holder = datasets
    .filter((dataset) => isBelow(wish.path, dataset.mountpoint))
    .reduce((a, b) => (b.mountpoint.length > a.mountpoint.length ? b : a));
  const inferred = inferredOwner(context, wish, problems);
  const declared = declaredOwner(context, wish, inferred, problems);
  const owner = declared ?? inferred ?? { uid: 0, gid: 0 };
  const { sharedGroup } = context.lab;
  const mode = wish.declared?.mode;
  return {
    kind: 'directory',
    id: `directory:${wish.path}`,
    name: wish.path,
    service: context.folder.name,
    origin: wish.origin,
    needs: needs(holder, wish.declared?.group === undefined ? sharedGroup : null),
    path: wish.path,
    dataset: holder.name,
    datasetMountpoint: holder.mountpoint,
    containerUid: owner.uid,
    containerGid: owner.gid,
    sharedGroup: wish.declared?.group === undefined ? sharedGroup : null,
    mode: mode === undefined ? (sharedGroup === null ? '0750' : '2770') : fullMode(mode),
    enforce: { owner: (declared ?? inferred) !== null, mode: mode !== undefined },
    recursive: wish.declared?.recursive ?? false,
  };
}

function needs(holder: DesiredDataset, group: string | null): ResourceId[] {
  return [...(group === null ? [] : [`group:${group}` as const]), `zfs-dataset:${holder.name}`];
}

/** The first `user:` that writes there wins; null where every container starts as root or only reads. */
function inferredOwner(context: ServiceContext, wish: Wish, problems: Problem[]): ContainerOwner | null {
  const claims = wish.mounts.flatMap((mount) => claim(context, wish, mount, problems));
  const writers = claims.filter(({ mount }) => !mount.readOnly);
  const [first, ...others] = writers.length > 0 ? writers : claims;
  if (!first) return null;
  const rival = others.find(({ owner }) => owner.uid !== first.owner.uid);
  if (rival && wish.declared?.owner === undefined) problems.push(rivalry(wish, first, rival));
  return first.owner;
}

interface Claim {
  mount: BindMount;
  user: string;
  owner: ContainerOwner;
}

function claim(context: ServiceContext, wish: Wish, mount: BindMount, problems: Problem[]): Claim[] {
  const user = context.project.services[mount.container]?.user;
  if (user === undefined || user === '') return [];
  const parsed = parseOwner(String(user), context.lab.owners);
  if (parsed.ok) return [{ mount, user, owner: parsed.owner }];
  if (context.lab.owners !== null && wish.declared?.owner === undefined) {
    problems.push(unknownUser(context, mount, parsed.unknown));
  }
  return [];
}

function unknownUser(context: ServiceContext, mount: BindMount, user: string): Problem {
  const origin = composeOrigin(context, ['services', mount.container, 'user']) ?? mount.origin;
  const message = `the user id of ${quote(user)} is not known, so ${mount.source} cannot be given to it`;
  return errorAt(origin, message, `add ${user}: <uid> to owners in lab.yaml, or write the number`, user);
}

function rivalry(wish: Wish, first: Claim, rival: Claim): Problem {
  const message =
    `${wish.path} is written by ${first.mount.container} as ${first.user} ` +
    `and by ${rival.mount.container} as ${rival.user}; it is given to ${first.user}`;
  return warningAt(
    rival.mount.origin,
    message,
    'name the owner under `directories` in service.yaml',
    wish.path,
  );
}

function declaredOwner(
  context: ServiceContext,
  wish: Wish,
  inferred: ContainerOwner | null,
  problems: Problem[],
): ContainerOwner | null {
  const { declared } = wish;
  if (declared?.owner === undefined && declared?.group === undefined) return null;
  if (declared.owner === undefined && inferred === null) problems.push(groupWithoutOwner(context, wish));
  const uid = declared.owner === undefined ? (inferred?.uid ?? 0) : idOf(context, wish, 'owner', problems);
  const gid = declared.group === undefined ? undefined : idOf(context, wish, 'group', problems);
  const inherited = declared.owner === undefined ? inferred?.gid : uid;
  return { uid, gid: gid ?? inherited ?? uid };
}

/** Its container starts as root and may choose any owner: which one to keep beside the group is not ours to guess. */
function groupWithoutOwner(context: ServiceContext, wish: Wish): Problem {
  const at = context.serviceYaml?.at(['directories', wish.index ?? 0, 'group']) ?? wish.origin;
  const group = String(wish.declared?.group);
  return errorAt(at, 'the directory has a group but no known owner', 'add owner: beside group:', group);
}

function idOf(context: ServiceContext, wish: Wish, field: 'owner' | 'group', problems: Problem[]): number {
  const name = String(wish.declared?.[field]);
  const parsed = parseOwner(name, context.lab.owners);
  if (parsed.ok) return parsed.owner.uid;
  const known = Object.keys(context.lab.owners ?? {});
  const near = nearest(name, known);
  const at = context.serviceYaml?.at(['directories', wish.index ?? 0, field]) ?? wish.origin;
  const fix = near ? `write ${near}` : `add ${name}: <uid> to owners in lab.yaml, or write the number`;
  if (context.lab.owners)
    problems.push(errorAt(at, `${quote(name)} is not among the owners of lab.yaml`, fix, name));
  return 0;
}

/** A directory inside another one comes after it: made first, it would get an owner of chance. */
function withAncestor(resource: DesiredDirectory, all: DesiredDirectory[]): DesiredDirectory {
  const above = all
    .filter((other) => other.path !== resource.path && isBelow(resource.path, other.path))
    .map((other): ResourceId => other.id);
  return above.length === 0 ? resource : { ...resource, needs: [...resource.needs, ...above] };
}
