import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** How compose is called, the same for whoever asks it and whoever has it act: else their hashes would differ. */

/**
 * argv of compose. `docker compose` starts the plugin twice, once to hear what it can do; so the plugin itself is
 * called, which then acts as the `docker-compose` of old. `docker compose` where it is not found.
 */
export function composeProgram(env: NodeJS.ProcessEnv = process.env): string[] {
  const plugin = pluginFolders(env)
    .map((folder) => path.join(folder, 'docker-compose'))
    .find(isExecutable);
  return plugin === undefined ? ['docker', 'compose'] : [plugin];
}

/** In the order of the docker command (cli-plugins/manager of docker/cli). */
function pluginFolders(env: NodeJS.ProcessEnv): string[] {
  const config = env.DOCKER_CONFIG || path.join(env.HOME || homedir(), '.docker');
  const system = ['/usr/local/lib', '/usr/local/libexec', '/usr/lib', '/usr/libexec'];
  return [
    ...extraFolders(path.join(config, 'config.json')),
    path.join(config, 'cli-plugins'),
    ...system.map((folder) => `${folder}/docker/cli-plugins`),
  ];
}

function extraFolders(file: string): string[] {
  try {
    const { cliPluginsExtraDirs: found } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return Array.isArray(found) ? found.filter((folder) => typeof folder === 'string') : [];
  } catch {
    // None, or not readable: the docker command goes on without it as well.
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Set, since compose takes what is not set from the .env of a service: a home of its own is a docker and a git of its own. */
const always = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  // What is included from elsewhere nobody has judged, and git would be run for it.
  COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false',
  COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false',
};

/** Not even root's own: the old builder runs git on the server, with root's keys, for what a service is built from. */
const inAnyCase = { DOCKER_BUILDKIT: '1' };

/**
 * The whole environment of a compose call. Only what docker itself needs: any other variable of this process could
 * end up in an interpolation, or change what compose does (COMPOSE_FILE, COMPOSE_PROFILES).
 */
export function composeEnvironment(
  own: NodeJS.ProcessEnv = process.env,
  socketPath?: string,
): Record<string, string> {
  const kept = Object.entries(own).filter(
    (pair): pair is [string, string] =>
      pair[1] !== undefined && (pair[0] === 'PATH' || pair[0] === 'HOME' || pair[0].startsWith('DOCKER_')),
  );
  const chosen = socketPath === undefined ? {} : { DOCKER_HOST: `unix://${socketPath}` };
  return { HOME: homedir(), ...always, ...Object.fromEntries(kept), ...chosen, ...inAnyCase };
}
