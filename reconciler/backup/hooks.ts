import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { Reason, Step } from '../types.ts';
import { guardOf } from './guards.ts';
import { groundOf, writersOf } from './writers.ts';

/** What is run in containers of a service before and after its snapshot, and what of it is not. Pure. */

type When = keyof DesiredBackup['hooks'];

interface Hooked {
  desired: DesiredBackup;
  /** Of the whole host. */
  containers: readonly ObservedContainer[];
}

/** Hooks of a container that does not run are left out: there is nothing to be flushed. */
export function hookSteps({ desired, containers }: Hooked, when: When): Step[] {
  const { own } = writersOf(groundOf(desired), containers);
  const guards = desired.datasets.map(guardOf);
  return desired.hooks[when].flatMap(({ container, argv, timeoutSeconds }) =>
    own
      .filter(({ service, state }) => service === container && state === 'running')
      .map(({ id, name }) => ({ op: 'container-exec', id, name, argv, timeoutSeconds, guards })),
  );
}

/** Sentences, without arguments, which may hold what is nobody's business. */
export function leftOut({ desired, containers }: Hooked): string[] {
  const { own } = writersOf(groundOf(desired), containers);
  const of = (when: When) =>
    desired.hooks[when].flatMap(({ container, argv }) => {
      const there = own.filter(({ service }) => service === container);
      const why =
        there.length === 0
          ? [`there is no container ${container} of ${desired.service}`]
          : there.flatMap(({ name, state }) =>
              state === 'running' ? [] : [`container ${name} does not run (${state})`],
            );
      return why.map((each) => `the hook ${argv[0]} ${when} the snapshot is left out: ${each}`);
    });
  return [...new Set([...of('before'), ...of('after')])];
}

export function leftOutReasons(hooked: Hooked): Reason[] {
  return leftOut(hooked).map((note) => ({ field: 'hooks', from: null, to: null, note }));
}

/** Names of the compose services that are asked. */
export function hookedServices({ hooks }: DesiredBackup): string[] {
  return [...new Set([...hooks.before, ...hooks.after].map(({ container }) => container))];
}
