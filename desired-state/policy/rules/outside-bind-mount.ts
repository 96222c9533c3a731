import { ownerOfPath } from '../../check.ts';
import { type ServiceContext, serviceStorage } from '../../context.ts';
import { isBelow } from '../../files.ts';
import { type BindMount, bindMounts } from '../../mounts.ts';
import { clocks } from '../../no-data.ts';
import type { Broken, Rule } from '../types.ts';
import { isDockerSocket } from './docker-socket.ts';

export const outsideBindMount: Rule = {
  id: 'outside-bind-mount',
  severity: 'error',
  why: 'What lies outside the dataset of a service is in none of its snapshots and archives, and may belong to the server or to another service.',
  fix: 'mount a directory below the dataset of the service',
  check: (context) => bindMounts(context).flatMap((mount) => brokenBy(mount, context)),
};

function brokenBy(mount: BindMount, context: ServiceContext): Broken[] {
  const { source, container, origin } = mount;
  if (isHarmless(mount) || isDockerSocket(source)) return [];
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
  const { view, lab, folder } = context;
  if (source === '/') return 'which is the whole server';
  if ([view.as, view.root].some((root) => isBelow(source, root))) return null;
  if (system.some((root) => isBelow(source, root) || isBelow(root, source)))
    return "which is the server's own";
  if (lab.storage === null) return null;
  const { mountpoint } = lab.storage;
  const owner = ownerOfPath(source, mountpoint);
  if (owner === folder.name) return null;
  if (isBelow(mountpoint, source)) return 'which holds the data of every service';
  if (owner !== '') return `which is in the dataset of ${owner}`;
  return `which is outside its dataset and the repository`;
}
