import { bindMounts } from '../../mounts.ts';
import { eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

export const dockerSocket: Rule = {
  id: 'docker-socket',
  severity: 'error',
  why: 'Whoever speaks to Docker is root on the server; a read-only mount of the socket changes nothing about that.',
  fix: 'remove the mount, or put a proxy that lets only what is needed through before the socket',
  check: (context) => [
    ...bindMounts(context)
      .filter(({ source }) => isDockerSocket(source))
      .map(({ container, source, origin }) => ({
        container,
        origin,
        message: `${container} speaks to Docker through ${source}`,
        text: source,
      })),
    // Compose mounts it by itself then, with the passwords of the server for registries.
    ...eachContainer(context, ({ use_api_socket: asked }, name) =>
      asked === undefined || asked === false
        ? []
        : [{ at: ['use_api_socket'], message: `${name} speaks to Docker through use_api_socket` }],
    ),
  ],
};

export function isDockerSocket(source: string): boolean {
  return /\/(docker|podman|containerd)\.sock$/.test(source);
}
