import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

/** `restart: "no"` is an answer too: it may end, and is then done. */
export const restartPolicy: Rule = {
  id: 'restart-policy',
  severity: 'warning',
  why: 'After a reboot or a crash Docker leaves it stopped, and the service is down until Steward looks again.',
  fix: 'write restart: unless-stopped, or restart: "no" where it is meant to end',
  check: (context) =>
    eachContainer(context, ({ restart, deploy }, name): BrokenAt[] => {
      if (restart !== undefined || deploy?.restart_policy !== undefined) return [];
      return [{ at: [], message: `${name} has no restart policy` }];
    }),
};
