import type { DesiredRepository, DesiredState } from '../desired-state/types.ts';
import { keyProblem, keyState } from '../reconciler/backup/key-state.ts';
import type { Backups } from '../reconciler/state/backups.ts';
import { lookFrom } from './last-good.ts';
import { locked } from './locked.ts';
import { printCycle } from './print-cycle.ts';
import type { KeyRow } from './render/keys.ts';
import type { Settings } from './settings.ts';
import { noteWaiting } from './terminal.ts';
import type { Wired } from './wire.ts';

/** What the commands about keys have in common: which repositories there are, and what is recorded of their keys. */

/** What Git declares, or did last. Null: no commit is good, and that was said. */
export async function declaredState(
  wired: Wired,
  settings: Settings,
  output: 'text' | 'json',
): Promise<DesiredState | null> {
  const request = { stateDir: settings.stateDir, command: 'keys', waitMs: 30_000, onWait: noteWaiting };
  const cycle = await locked(request, lookFrom(wired));
  if (cycle.desired !== null) return cycle.desired;
  printCycle(cycle, { output, dry: true, nowMs: Date.now(), sourceRoots: wired.sourceRoots });
  return null;
}

/** Of suspended services too: their archives are read like all others. */
export function repositoriesOf({ resources }: DesiredState): DesiredRepository[] {
  return resources.filter((each) => each.kind === 'borg-repository');
}

export function keyRows(repositories: DesiredRepository[], backups: Backups): KeyRow[] {
  return repositories.map(({ service, name, repository: { location, encryption } }) => {
    const known = keyState(location, backups);
    const record = 'record' in known ? known.record : null;
    return {
      service: service ?? name,
      repository: location,
      encryption: backups.repositories.get(location)?.encryption ?? encryption,
      state: known.state,
      exportedAt: record?.exportedMs ?? null,
      folder: record?.folder ?? null,
      fingerprint: record?.fingerprint ?? null,
      problem: keyProblem(known),
    };
  });
}
