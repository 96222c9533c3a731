import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findComposePlugin } from './compose-plugin.ts';
import { install, isProgram } from './debian.ts';

/**
 * The bench runs in a network of its own: bridges, addresses and firewall rules of its Docker daemon never meet those
 * of the machine, nor those that an interrupted bench left, and they are gone with its last process. What has to be
 * downloaded is made ready before, as that network leads nowhere.
 */

const packages = { dockerd: 'docker.io', docker: 'docker.io', busybox: 'busybox-static', caddy: 'caddy' };

/** Leaves `home/docker-config` with the compose plugin. Throws with one sentence where this machine cannot run Docker. */
export async function makeReady(home: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('a Docker daemon of its own needs root');
  const missing = Object.entries(packages).filter(([program]) => !isProgram(program));
  if (missing.length > 0) await install(...new Set(missing.map(([, name]) => name)));
  const plugins = join(dockerConfigOf(home), 'cli-plugins');
  mkdirSync(plugins, { recursive: true });
  symlinkSync(await findComposePlugin(home), join(plugins, 'docker-compose'));
}

export function dockerConfigOf(home: string): string {
  return join(home, 'docker-config');
}

/** Runs this Node with these arguments there; resolves with its exit code. */
export async function runThere(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const inside = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath, ...args];
  const child = spawn('unshare', ['--net', ...inside], { stdio: 'inherit', env });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject).once('exit', (code) => resolve(code ?? 1));
  return promise;
}
