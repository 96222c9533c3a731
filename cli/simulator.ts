import { join } from 'node:path';
import type { DesiredState } from '../desired-state/types.ts';
import type { CycleDeps, Source } from '../reconciler/cycle.ts';
import { simulatedHost } from '../simulator/host.ts';
import { resolveFromDesired } from '../simulator/services.ts';

/** A simulated host beside the state folder, driven by the stacks that the source loaded last. */
export function openSimulator(
  stateDir: string,
  source: Source,
  current: () => DesiredState,
): Pick<CycleDeps, 'observer' | 'executor'> {
  const resolveStack = resolveFromDesired(current, (stacks) => source.hashes(stacks, current().commit));
  return simulatedHost({ file: join(stateDir, 'simulated-host'), now: Date.now, resolveStack });
}
