import type { ResolvedService } from './compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from './context.ts';
import { isBelow } from './files.ts';
import { bindMounts } from './mounts.ts';
import type { DesiredBackup, DesiredResource, UncoveredMount } from './types.ts';

/** Data of a stack that no backup holds: every bind mount and named volume that is not on a dataset of a backup. */
export function uncoveredMounts(
  context: Omit<ServiceContext, 'earlier'>,
  resources: readonly DesiredResource[],
): UncoveredMount[] {
  const full = { ...context, earlier: [] };
  const backup = resources.find((item): item is DesiredBackup => item.kind === 'backup');
  const binds = bindMounts(full)
    .filter(({ source }) => !isNoData(source, context))
    .flatMap(({ container, source, origin }) => {
      const why = whyUncovered(source, backup, context);
      return why === null ? [] : [mount(context, { container, source, volume: false, why, origin })];
    });
  return [...binds, ...volumes(full)];
}

function mount(
  { folder }: Pick<ServiceContext, 'folder'>,
  parts: Omit<UncoveredMount, 'service'>,
): UncoveredMount {
  return { service: folder.name, ...parts };
}

/** What is in Git already, belongs to the system, or is made anew by whoever runs. */
function isNoData(source: string, { view }: Pick<ServiceContext, 'view'>): boolean {
  if (isBelow(source, view.as) || isBelow(source, view.root)) return true;
  const system = ['/dev', '/proc', '/sys', '/run', '/var/run', '/lib', '/usr', '/etc', '/tmp'];
  return system.some((folder) => isBelow(source, folder)) || source.endsWith('.sock');
}

function whyUncovered(
  source: string,
  backup: DesiredBackup | undefined,
  { lab }: Pick<ServiceContext, 'lab'>,
): string | null {
  const root = backup?.datasets[0]?.mountpoint;
  if (backup === undefined || root === undefined) return 'the service has no backup';
  if (!isBelow(source, root)) {
    const parent = lab.storage?.mountpoint;
    // Data of another service is in the backup of that one.
    if (parent !== undefined && isBelow(source, parent) && source !== parent) return null;
    return `it is not on the dataset ${backup.datasets[0]?.name}`;
  }
  if (backup.suspend) return 'its backup is suspended';
  return backup.schedule === null ? 'its backup has no schedule' : null;
}

/** A named volume lies in Docker's own folder, which no dataset of a service is. */
function volumes(context: ServiceContext): UncoveredMount[] {
  const binds = new Set(bindMounts(context).map(({ container, target }) => `${container} ${target}`));
  return Object.entries(context.project.services).flatMap(([container, service]) =>
    namedVolumes(service)
      .filter(({ target }) => !binds.has(`${container} ${target}`))
      .map(({ source, index }) => {
        const origin = nearComposeOrigin(context, ['services', container, 'volumes', index]);
        const why = "a named volume is in Docker's own folder, not on a dataset";
        return mount(context, { container, source, volume: true, why, origin });
      }),
  );
}

function namedVolumes({ volumes: all = [] }: ResolvedService) {
  return all.flatMap(({ type, source, target }, index) =>
    type === 'volume' && source !== undefined ? [{ source, target, index }] : [],
  );
}
