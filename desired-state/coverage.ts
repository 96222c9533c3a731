import { nearComposeOrigin, type ServiceContext } from './context.ts';
import { leftOutBy } from './excludes.ts';
import { isBelow } from './files.ts';
import type { MountedData, ServiceModel } from './model.ts';
import { bindMounts, containerNames } from './mounts.ts';
import { isNoData } from './no-data.ts';
import type { Broken } from './policy/types.ts';
import type { DesiredBackup } from './types.ts';

/**
 * Which data no archive holds. What containers mount is found service by service; whether it is in a backup follows from
 * all of them, since the data of one may be mounted by another.
 */

/** All that may be data: bind mounts and volumes. */
export function mountedData(context: ServiceContext): MountedData[] {
  const { view, lab } = context;
  const binds = bindMounts(context);
  const folders = binds
    // What is in the repository, Git holds.
    .filter((mount) => !isNoData(mount) && ![view.as, view.root].some((root) => isBelow(mount.source, root)))
    .map(({ container, source, origin }): MountedData => ({ container, origin, path: source, name: source }));
  const isFolder = new Set(binds.map(({ container, target }) => `${container} ${target}`));
  const found = [...folders, ...volumes(context, (where) => isFolder.has(where))];
  return lab.backup !== null
    ? found
    : found.map((mounted): MountedData => ({ ...mounted, isUndeclared: true }));
}

/** Named ones and those without a name; not those that stand for a folder of the host. */
function volumes(context: ServiceContext, isFolder: (where: string) => boolean): MountedData[] {
  return containerNames(context).flatMap((container) =>
    (context.project.services[container]?.volumes ?? []).flatMap(({ type, source, target }, index) => {
      if (type !== 'volume' || isFolder(`${container} ${target}`)) return [];
      const origin = nearComposeOrigin(context, ['services', container, 'volumes', index]);
      const name = `the volume ${source === undefined || source === '' ? `without a name at ${target}` : source}`;
      return [{ container, origin, path: null, name }];
    }),
  );
}

/** Names all data of all stacks that no backup holds. */
export function uncoveredData(models: readonly ServiceModel[]): (Broken & { service: string })[] {
  const grounds = models.flatMap(groundsOf);
  return models.flatMap((model) => {
    const own = grounds.find(({ backup }) => backup.service === model.name);
    return model.data.flatMap((mounted) => {
      if (mounted.isUndeclared === true) return [{ service: model.name, ...undeclared(mounted) }];
      const gap = gapOf(mounted.path, grounds, own);
      return gap === null ? [] : [{ service: model.name, ...brokenBy(mounted, gap) }];
    });
  });
}

/** The same words for all data of a lab without a backup: it is one thing to do, and so is told once. */
function undeclared({ container }: MountedData): Broken {
  return {
    container,
    origin: { file: 'lab.yaml', line: 1, column: 1 },
    message: 'no data of this lab is in a backup: lab.yaml declares none',
    fix: 'add backup (docs/backups.md), or turn backup-coverage off in policy.rules if all of it may be lost',
  };
}

/** A dataset, and the backup that archives it. */
interface Ground {
  mountpoint: string;
  backup: DesiredBackup;
  isSuspended: boolean;
}

function groundsOf({ resources, suspended }: ServiceModel): Ground[] {
  const backups = resources.filter((item): item is DesiredBackup => item.kind === 'backup');
  return backups.flatMap((backup) =>
    backup.datasets.map(({ mountpoint }) => ({ mountpoint, backup, isSuspended: suspended })),
  );
}

interface Gap {
  why: string;
  fix: string;
}

/** Null where an archive holds it. */
function gapOf(path: string | null, grounds: Ground[], own: Ground | undefined): Gap | null {
  const elsewhere = own === undefined ? 'declare backup' : `bind-mount a directory below ${own.mountpoint}`;
  if (path === null) return { why: "a volume lies in Docker's own folder, not on a dataset", fix: elsewhere };
  const ground = grounds
    .filter(({ mountpoint }) => isBelow(path, mountpoint))
    .reduce<Ground | undefined>(
      (a, b) => (a && a.mountpoint.length >= b.mountpoint.length ? a : b),
      undefined,
    );
  if (ground === undefined) return { why: 'it is on no dataset of a service', fix: elsewhere };
  return notArchived(ground) ?? leftOut(path, ground, ground.backup.service === own?.backup.service);
}

function notArchived({ backup, isSuspended }: Ground): Gap | null {
  const { service, suspend, schedule } = backup;
  const file = `services/${service}/service.yaml`;
  if (isSuspended)
    return { why: `${service} is suspended, and its backup with it`, fix: `remove suspend from ${file}` };
  if (suspend)
    return { why: `the backup of ${service} is suspended`, fix: `remove backup.suspend from ${file}` };
  if (schedule !== null) return null;
  const why = `the backup of ${service} has no schedule`;
  return { why, fix: `add backup.schedule to ${file} or lab.yaml` };
}

/** Excludes are written relative to the service's own dataset. */
function leftOut(path: string, { backup }: Ground, isOwn: boolean): Gap | null {
  const root = backup.datasets[0]?.mountpoint ?? '';
  const pattern = leftOutBy(backup.excludes, path.slice(root.length + 1));
  if (pattern === null) return null;
  const whose = isOwn ? '' : ` of ${backup.service}`;
  const why = `backup.excludes${whose} leaves it out (${pattern})`;
  return { why, fix: 'remove the pattern, or say in policy.allow why it may be lost' };
}

function brokenBy({ container, origin, path, name }: MountedData, { why, fix }: Gap): Broken {
  const message = `${name} of ${container} is in no backup: ${why}`;
  return { container, origin, message, fix, ...(path === null ? {} : { text: path }) };
}
