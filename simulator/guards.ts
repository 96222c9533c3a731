import { StepError } from '../reconciler/apply/types.ts';
import type { MountGuard } from '../reconciler/types.ts';
import type { World } from './world.ts';

/** Throws StepError unless each dataset is mounted where the plan says, at this very moment. */
export function checkGuards(world: World, guards: MountGuard[]): void {
  for (const guard of guards) {
    if (world.index.mounts.get(guard.mountpoint) === guard.dataset) continue;
    throw new StepError(`${guard.dataset} is not mounted at ${guard.mountpoint}; nothing was written`);
  }
}

export function checkDocker(world: World): void {
  if (!dockerDown(world)) return;
  throw new StepError(
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
  );
}

export function dockerDown(world: World): boolean {
  return world.settings.get('dockerDown') === 1;
}
