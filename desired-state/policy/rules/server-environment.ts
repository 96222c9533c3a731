import { nearComposeOrigin, type ServiceContext } from '../../context.ts';
import { eachContainer } from '../containers.ts';
import { variablesOfPrograms } from '../program-variables.ts';
import type { Broken, Rule } from '../types.ts';

export const serverEnvironment: Rule = {
  id: 'server-environment',
  severity: 'error',
  why: 'Compose runs as root: what root has in its variables and holds in its SSH agent opens more than this one service.',
  fix: 'set the variable in .env or .env.age of the service',
  check: (context) => [
    ...(['configs', 'secrets'] as const).flatMap((part) => ofPart(context, part)),
    ...variablesOfPrograms(context),
    ...eachContainer(context, ({ build }, name) => {
      if (build?.ssh === undefined || build.ssh === null) return [];
      const fix = 'copy what the image needs into the folder of the service';
      return [{ at: ['build', 'ssh'], message: `${name} is built with the SSH keys of the server`, fix }];
    }),
  ],
};

function ofPart(context: ServiceContext, part: 'configs' | 'secrets'): Broken[] {
  return Object.entries(context.project[part] ?? {}).flatMap(([name, { environment }]) => {
    if (typeof environment !== 'string' || isOwn(context, environment)) return [];
    const origin = nearComposeOrigin(context, [part, name, 'environment']);
    const message = `the ${part.slice(0, -1)} ${name} is the variable ${environment}, which no file of the service sets`;
    return [{ container: null, origin, message, text: environment }];
  });
}

/** What encrypted files set is not known while they are shut; the service waits then anyway. */
function isOwn({ env, locked }: ServiceContext, variable: string): boolean {
  return locked !== null || env.some(({ variables }) => variables.has(variable));
}
