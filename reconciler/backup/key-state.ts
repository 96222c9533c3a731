import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import { hasKey } from '../../tools/borg/keys.ts';
import type { Backups } from '../state/backups.ts';
import type { KeyRecord } from '../state/keys.ts';

/**
 * Whether a repository could be opened once the server, or the repository's own config file, is gone. From what is
 * recorded alone: that a key was changed in place since its export, only the next export can see. Pure.
 */
export type KeyState =
  /** The repository was not opened yet. */
  | { state: 'unknown' }
  /** It is not encrypted. */
  | { state: 'none' }
  | { state: 'never' }
  /** The repository was made anew since: the exported key opens another one. */
  | { state: 'other'; record: KeyRecord }
  | { state: 'exported'; record: KeyRecord };

export function keyState(location: string, known: Pick<Backups, 'repositories' | 'keys'>): KeyState {
  const repository = known.repositories.get(location);
  const record = known.keys.get(location);
  if (repository === undefined) return { state: 'unknown' };
  if (!hasKey(repository.encryption)) return { state: 'none' };
  if (record === undefined) return { state: 'never' };
  return { state: record.borgId === repository.borgId ? 'exported' : 'other', record };
}

/** Why an export is wanted, and how it is made; null where none is. */
export function keyProblem({ state }: KeyState): string | null {
  const cure = 'run steward keys export --to DIR, and keep what it writes on another machine and on paper';
  if (state === 'never')
    return `its key was never exported, and without it no archive can ever be read: ${cure}`;
  if (state === 'other') return `it was made anew since its key was exported, and has another one: ${cure}`;
  return null;
}

/** What is other than Git says for as long as this repository is used, as a sentence; null where nothing is. */
export function encryptionProblem(
  { location, encryption: wanted }: RepositoryRef,
  encryption: string,
): string | null {
  if (encryption === wanted || encryption === 'unknown') return null;
  const is = encryption === 'none' ? 'not encrypted' : `encrypted with ${encryption}`;
  return `${location} is ${is}, although Git says ${wanted}; that cannot be changed, and every archive goes into it as it is`;
}
