import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where packages and Docker's own installer put the compose plugin, which works without a daemon for `config`. */
const usualPlaces = [
  '/usr/libexec/docker/cli-plugins/docker-compose',
  '/usr/lib/docker/cli-plugins/docker-compose',
  '/usr/local/lib/docker/cli-plugins/docker-compose',
  join(homedir(), '.docker/cli-plugins/docker-compose'),
];

/** The compose v2 plugin of this machine, or what STEWARD_TEST_COMPOSE names; undefined where there is none. */
export function composeBinary(): string | undefined {
  const candidates = [process.env.STEWARD_TEST_COMPOSE, ...usualPlaces];
  return candidates.find((path) => path !== undefined && existsSync(path));
}
