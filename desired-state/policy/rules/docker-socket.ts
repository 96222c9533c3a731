import { bindMounts } from '../../mounts.ts';
import type { Rule } from '../types.ts';

export const dockerSocket: Rule = {
  id: 'docker-socket',
  severity: 'error',
  why: 'Whoever speaks to Docker is root on the server; a read-only mount of the socket changes nothing about that.',
  fix: 'remove the mount, or put a proxy that lets only what is needed through before the socket',
  check: (context) =>
    bindMounts(context)
      .filter(({ source }) => isDockerSocket(source))
      .map(({ container, source, origin }) => ({
        container,
        origin,
        message: `${container} speaks to Docker through ${source}`,
        text: source,
      })),
};

export function isDockerSocket(source: string): boolean {
  return /\/(docker|podman|containerd)\.sock$/.test(source);
}
