import type { DesiredBackup } from '../../desired-state/types.ts';
import { observeSnapshots } from '../../observers/snapshots.ts';
import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { type SafetySnapshots, safetySnapshots } from '../../reconciler/restore/safety.ts';
import { runProperty } from '../../reconciler/snapshots/by-hand.ts';
import { UserError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { toolOptions } from '../snapshots.ts';

/** What earlier restores of a service have kept, and all snapshots that it has. */
export interface Kept {
  found: SnapshottedDataset[];
  snapshots: SafetySnapshots[];
}

/** Throws UserError where ZFS does not say. The simulated host has no way to ask for snapshots. */
export async function keptBy({ datasets }: DesiredBackup, { host }: Settings): Promise<Kept> {
  if (host === 'simulator') return { found: [], snapshots: [] };
  const names = datasets.map(({ name }) => name);
  const found = await observeSnapshots(names, [runProperty], { timeoutMs: toolOptions.timeoutMs });
  if (!found.known) throw new UserError(`${found.error}; nothing was done`);
  const unmounted = found.value.find(({ mounted }) => !mounted);
  if (unmounted !== undefined) throw new UserError(`${unmounted.name} is not mounted; nothing was done`);
  return { found: found.value, snapshots: safetySnapshots(found.value) };
}
