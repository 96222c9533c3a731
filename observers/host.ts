import { nothingSaid, observeHub } from './caddy.ts';
import { observeDns } from './dns.ts';
import { observeContainers, observeDocker } from './docker.ts';
import { observeMounts } from './mounts.ts';
import { probeRoutes } from './probe.ts';
import { observePaths, observeSystem } from './system.ts';
import type { Observed, ObservedDocker, Observer } from './types.ts';
import { observeZfs } from './zfs.ts';

export interface HostObserverOptions {
  /** Docker's socket. Default: DOCKER_HOST, else /var/run/docker.sock. */
  socketPath?: string;
  /** Default `zfs` and `zpool`. */
  commands?: { zfs?: string; zpool?: string };
  /** Where group, passwd, subuid and subgid are. Default /etc. */
  etc?: string;
  /** Default /proc/self/mountinfo. */
  mountinfo?: string;
  /** For each call to a tool. Default 30 s for ZFS, 20 s for Docker, 10 s for a path. */
  timeoutMs?: number;
}

/** This machine, through its own tools. Tools answer side by side; one that fails does not hide the others. */
export function hostObserver(options: HostObserverOptions = {}): Observer {
  const said = nothingSaid();
  return {
    async observe(request) {
      const asked = { ...options, signal: request.signal };
      const seen = observeDocker(asked);
      const [zfs, mounts, docker, system, paths, hub, dns] = await Promise.all([
        observeZfs(asked),
        observeMounts(options.mountinfo),
        seen,
        observeSystem(options),
        observePaths(request.paths, options),
        request.hub === undefined
          ? null
          : observeHub(request.hub, asked, said, seen.then(idOf(request.hub.container))),
        request.dns === undefined ? null : observeDns(request.dns, asked),
      ]);
      return { zfs, mounts, docker, system, paths, hub, dns };
    },
    observeContainers: (signal) => observeContainers({ ...options, signal }),
    probe: (request) => probeRoutes(request, options),
  };
}

function idOf(container: string): (docker: Observed<ObservedDocker>) => string | null {
  return (docker) =>
    (docker.known && docker.value.containers.find(({ name }) => name === container)?.id) || null;
}
