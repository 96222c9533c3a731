import type { DesiredStack } from '../../../desired-state/types.ts';
import type { World } from '../../world.ts';

/**
 * The first file that a container mounts and that is, or is reached through, a symbolic link: whoever writes to the
 * dataset may have put it there, and Docker would follow it as root to anywhere. Directories are looked at by themselves.
 */
export function linkedMount({ containers }: DesiredStack, { observed, byId }: World): string | null {
  const mounts = containers.flatMap(({ bindMounts }) => bindMounts);
  const found = mounts.find((path) => {
    const seen = observed.paths[path];
    return !byId.has(`directory:${path}`) && seen?.known === true && seen.value.type === 'link';
  });
  return found ?? null;
}
