import type { ResolvedService } from './compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from './context.ts';
import { isBelow } from './files.ts';
import { bindMounts } from './mounts.ts';
import type { Broken } from './policy/types.ts';
import type { DesiredBackup, Origin } from './types.ts';

/**
 * Names all data of a stack that no backup holds: every bind mount and named volume that is not on a dataset
 * of a backup. A lab that declares no backup at all is not told so service by service.
 */
export function uncoveredData(context: ServiceContext): Broken[] {
  const backup = context.earlier.find((item): item is DesiredBackup => item.kind === 'backup');
  if (backup === undefined) return [];
  const binds = bindMounts(context)
    .filter(({ source }) => !isNoData(source, context))
    .flatMap(({ container, source, origin }) => {
      const why = whyUncovered(source, backup, context);
      return why === null ? [] : [uncovered(source, container, why, backup, origin)];
    });
  return [...binds, ...volumes(context, backup)];
}

function uncovered(
  source: string,
  container: string,
  why: string,
  { datasets, service }: DesiredBackup,
  origin: Origin,
): Broken {
  const message = `${source} of ${container} is in no backup: ${why}`;
  const fix = why.includes('dataset')
    ? `bind-mount a directory below ${datasets[0]?.mountpoint}`
    : `look at backup in services/${service}/service.yaml and lab.yaml`;
  return { container, origin, message, fix, text: source };
}

/** What is in Git already, belongs to the system, or is made anew by whoever runs. */
function isNoData(source: string, { view }: Pick<ServiceContext, 'view'>): boolean {
  if (isBelow(source, view.as) || isBelow(source, view.root)) return true;
  const system = ['/dev', '/proc', '/sys', '/run', '/var/run', '/lib', '/usr', '/etc', '/tmp'];
  return source === '/' || system.some((folder) => isBelow(source, folder)) || source.endsWith('.sock');
}

function whyUncovered(
  source: string,
  backup: DesiredBackup,
  { lab }: Pick<ServiceContext, 'lab'>,
): string | null {
  const root = backup.datasets[0];
  const parent = lab.storage?.mountpoint;
  if (root !== undefined && isBelow(source, root.mountpoint)) {
    if (backup.suspend) return 'the backup is suspended';
    return backup.schedule === null ? 'the backup has no schedule' : null;
  }
  // Data of another service is in the backup of that one.
  if (parent !== undefined && source !== parent && isBelow(source, parent)) return null;
  return `it is not on the dataset ${root?.name}`;
}

/** A named volume lies in Docker's own folder, which no dataset of a service is. */
function volumes(context: ServiceContext, backup: DesiredBackup): Broken[] {
  const binds = new Set(bindMounts(context).map(({ container, target }) => `${container} ${target}`));
  return Object.entries(context.project.services).flatMap(([container, service]) =>
    namedVolumes(service)
      .filter(({ target }) => !binds.has(`${container} ${target}`))
      .map(({ source, index }) => {
        const origin = nearComposeOrigin(context, ['services', container, 'volumes', index]);
        const why = "a named volume lies in Docker's own folder, not on a dataset";
        return uncovered(`the volume ${source}`, container, why, backup, origin);
      }),
  );
}

function namedVolumes({ volumes: all = [] }: ResolvedService) {
  return all.flatMap(({ type, source, target }, index) =>
    type === 'volume' && source !== undefined ? [{ source, target, index }] : [],
  );
}
