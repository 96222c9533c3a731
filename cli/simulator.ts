import { join } from 'node:path';
import type { DesiredState } from '../desired-state/types.ts';
import type { CycleDeps, Source } from '../reconciler/cycle.ts';
import { simulatedHost } from '../simulator/host.ts';
import { resolveFromDesired } from '../simulator/services.ts';

/**
 * A simulated host beside the state folder, driven by the stacks that the source loaded last. It is opened at the
 * first look, when the commit is known: a new one begins with the very pool that the lab wants.
 */
export function openSimulator(
  stateDir: string,
  source: Source,
  current: () => DesiredState,
): Pick<CycleDeps, 'observer' | 'executor'> {
  const resolveStack = resolveFromDesired(current, (stacks) => source.hashes(stacks, current().commit));
  let opened: ReturnType<typeof simulatedHost> | null = null;
  const host = () => {
    const pools = (current().storage?.parent.split('/') ?? []).slice(0, 1);
    opened ??= simulatedHost({ file: join(stateDir, 'simulated-host'), now: Date.now, resolveStack, pools });
    return opened;
  };
  return {
    observer: {
      observe: (request) => host().observer.observe(request),
      observeContainers: (signal) => host().observer.observeContainers(signal),
      probe: (request) => host().observer.probe(request),
    },
    executor: { execute: (step, options) => host().executor.execute(step, options) },
  };
}
