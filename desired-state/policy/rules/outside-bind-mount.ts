import { ownerOfPath } from '../../check.ts';
import { type ServiceContext, serviceStorage } from '../../context.ts';
import { isBelow } from '../../files.ts';
import type { ServiceModel } from '../../model.ts';
import { type BindMount, bindMounts } from '../../mounts.ts';
import { clocks } from '../../no-data.ts';
import { inCheckout } from '../checkout-mounts.ts';
import { claimantsOf, contested } from '../home.ts';
import { nestedMounts } from '../nested-mounts.ts';
import type { Broken, Rule } from '../types.ts';
import { oddMounts } from '../volumes.ts';
import { isDockerSocket } from './docker-socket.ts';

export const outsideBindMount: Rule = {
  id: 'outside-bind-mount',
  severity: 'error',
  why: 'What lies outside the dataset of a service is in none of its snapshots and archives, and may belong to the server or to another service.',
  fix: 'mount a directory below the dataset of the service',
  check: (context) => [
    ...bindMounts(context).flatMap((mount) => brokenBy(mount, context)),
    ...nestedMounts(context).filter(({ text = '' }) => !clocks.test(text)),
    ...oddMounts(context),
  ],
  across: (models) => volumesOfOthers(models),
};

function brokenBy(mount: BindMount, context: ServiceContext): Broken[] {
  const { source, container, origin } = mount;
  if (isHarmless(mount) || isDockerSocket(source)) return [];
  const root = [context.view.as, context.view.root].find((each) => isBelow(source, each));
  if (root !== undefined) return inCheckout(mount, root, context.folder.folder);
  const where = whereItIs(source, context);
  if (where === null) return [];
  const own = serviceStorage(context);
  const fix = own === null ? {} : { fix: `mount a directory below ${own.mountpoint}` };
  return [{ container, origin, message: `${container} mounts ${source}, ${where}`, text: source, ...fix }];
}

function isHarmless({ source, readOnly }: BindMount): boolean {
  return readOnly && clocks.test(source);
}

const system = '/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var/lib /var/run'.split(
  ' ',
);

/** A lab without storage has no place of its own for data: only what is the server's own is out of bounds there. */
function whereItIs(source: string, context: ServiceContext): string | null {
  const { lab, folder } = context;
  if (source === '/') return 'which is the whole server';
  if (system.some((root) => isBelow(source, root) || isBelow(root, source)))
    return "which is the server's own";
  if ([context.view.as, context.view.root].some((root) => isBelow(root, source)))
    return 'which holds the files that compose is run from';
  if (lab.storage === null) return isSomebodys(source) ? 'which is no place for data' : null;
  const { mountpoint } = lab.storage;
  const owner = ownerOfPath(source, mountpoint);
  if (owner === folder.name) return null;
  if (isBelow(mountpoint, source)) return 'which holds the data of every service';
  if (owner !== '') return `which is in the dataset of ${owner}`;
  return `which is outside its dataset and the repository`;
}

/** Keys stand there, and what is run at a login, or by the clock. */
function isSomebodys(source: string): boolean {
  return /^\/var(\/|$)|^\/home(\/[^/]+)?$|^\/home\/(.*\/)?\.[^/]/.test(source);
}

/** Docker gives the volume that there is to whoever names it, be it declared as external or not. */
function volumesOfOthers(models: readonly ServiceModel[]): (Broken & { service: string })[] {
  const users = Map.groupBy(
    models.flatMap((model) => model.volumes.map((volume) => ({ service: model.name, ...volume }))),
    ({ name }) => name,
  );
  return [...users.values()].flatMap((group) => takers(group, models));
}

type Use = ServiceModel['volumes'][number] & { service: string };

/** Of a volume that is called after several that use it, nobody is the owner by its name. */
function takers(group: Use[], models: readonly ServiceModel[]): (Broken & { service: string })[] {
  const claimants = claimantsOf(group[0]?.name ?? '', models);
  const members = [...new Set(group.map(({ service }) => service))];
  const using = claimants.filter((name) => members.includes(name));
  return group.flatMap(({ service, name, origin }) => {
    const isHome = service === claimants[0];
    const others = members.filter((each) => each !== service);
    if (isHome && others.length === 0) return [];
    const other = isHome ? others[0] : claimants[0];
    const whose =
      other === undefined ? 'which is not of this service by its name' : `which is a volume of ${other}`;
    const message = `${service} takes the volume ${name}, ${whose}`;
    const fix = `mount a directory of its dataset, or call it ${service}_…`;
    const dispute = contested(service, 'volume', name, { claimants, members });
    const only = isHome && using.length < 2 ? { onlyAfter: others } : {};
    return [
      { service, container: null, origin, text: name, message, fix, contested: { ...dispute, ...only } },
    ];
  });
}
