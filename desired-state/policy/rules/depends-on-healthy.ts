import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';
import { hasHealthcheck } from './database-health.ts';

export const dependsOnHealthy: Rule = {
  id: 'depends-on-healthy',
  severity: 'warning',
  why: 'What waits only until a database has started finds it not answering yet, and fails or writes nonsense at each boot.',
  fix: 'write condition: service_healthy',
  check: (context) =>
    eachContainer(context, ({ depends_on: needs = {} }, name): BrokenAt[] =>
      Object.entries(needs).flatMap(([other, { condition }]) => {
        const target = context.project.services[other];
        if (condition !== 'service_started' || !hasHealthcheck(target?.healthcheck)) return [];
        const message = `${name} waits until ${other} has started, not until it is healthy`;
        return [{ at: ['depends_on', other], message }];
      }),
    ),
};
