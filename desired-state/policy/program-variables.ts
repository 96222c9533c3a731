import type { EnvLines } from '../context.ts';
import type { Broken } from './types.ts';

/**
 * Compose makes the variables of .env its own, and so those of every program that it runs: docker, its builder, git, ssh
 * and the linker of each. By these a file of the repository would tell them what to run.
 */
const told = new RegExp(
  `^(${[
    'HOME|PATH|BASH_ENV|LD_.*|GCONV_PATH|OPENSSL_.*|XDG_.*|GODEBUG',
    'DOCKER_(HOST|CONFIG|CONTEXT|CERT_PATH|TLS.*|CUSTOM_HEADERS|CLI_.*)',
    'BUILDX_.*|BUILDKIT_.*|COMPOSE_EXPERIMENTAL_.*',
    'GIT_.*|SSH_(ASKPASS.*|AUTH_SOCK|AGENT_PID)',
  ].join('|')})$`,
);

/** Of the host's own environment file nothing is said: who writes that is root. */
export function variablesOfPrograms({ env }: { env: readonly EnvLines[] }): Broken[] {
  return env
    .filter(({ file }) => file !== null)
    .flatMap(({ variables }) => [...variables])
    .filter(([name]) => told.test(name))
    .map(([name, origin]) => ({
      container: null,
      origin,
      message: `${name} is a variable of programs that compose runs on the server`,
      text: name,
      fix: 'give the container what it needs under environment, from a variable of another name',
    }));
}
