import { quote } from '../../tools/quote.ts';
import type { BorgCreate } from '../types.ts';

export const defaultStateDir = '/var/lib/steward';

/** Snapshots are mounted below it, in a namespace of their own. */
export const defaultRunDir = '/run/steward';

/**
 * `command` with the snapshots mounted below `runDir` and its root as working folder: at a path that is the same every
 * time, since borg's memory of unchanged files goes by path. The namespace ends with the command, however that ends,
 * and the mounts with it.
 */
export function mountedArgv(
  { at, mounts }: Pick<BorgCreate, 'at' | 'mounts'>,
  runDir: string,
  command: string[],
  programs: { unshare?: string; mount?: string } = {},
): string[] {
  const root = mountRoot(runDir, at);
  const { unshare = 'unshare', mount = 'mount' } = programs;
  const mounted = mounts.map(({ snapshot, below }) => {
    const place = below === '' ? root : `${root}/${below}`;
    return [mount, '-t', 'zfs', '-o', 'ro', snapshot, place].map(quote).join(' ');
  });
  const arranged = [...mounted, `cd ${quote(root)}`].join(' && ');
  const script = `{ ${arranged}; } || exit ${notMounted}; exec ${command.map(quote).join(' ')}`;
  // Whatever is mounted here stays here: without it, mounts may show in the namespace of the host.
  return [unshare, '--mount', '--propagation', 'private', 'sh', '-c', script];
}

/** Exit code of `mountedArgv` where a snapshot could not be mounted; neither borg nor a signal ends with it. */
export const notMounted = 240;

export function mountRoot(runDir: string, at: string): string {
  return `${runDir}/backup/${at}`;
}
