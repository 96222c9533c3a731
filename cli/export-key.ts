import type { DesiredRepository } from '../desired-state/types.ts';
import { type ExportedKey, exportKey } from '../reconciler/apply/key-export.ts';
import { defaultRunDir } from '../reconciler/apply/mounted.ts';
import { takeAll } from '../reconciler/background.ts';
import { keptOutBy } from '../reconciler/backup/at-work.ts';
import { recordListing } from '../reconciler/backup/record.ts';
import { readBackups } from '../reconciler/state/backups.ts';
import { recordKey } from '../reconciler/state/keys.ts';
import { repositoryLock } from '../reconciler/state/lock.ts';
import { lookAtKnown } from './archives/ask.ts';
import { backgroundDeps, type WiredBeside } from './background.ts';
import type { KeyOutcome } from './render/keys.ts';
import type { Settings } from './settings.ts';

export interface ExportContext {
  wired: WiredBeside;
  settings: Pick<Settings, 'stateDir'>;
  signal: AbortSignal;
}

/** The key of one repository, into a folder that is there already, and how that went. */
export async function exportOne(
  { id, service, name, repository }: DesiredRepository,
  folder: string,
  { wired, settings, signal }: ExportContext,
): Promise<KeyOutcome> {
  const { location } = repository;
  const subject = { service: service ?? name, repository: location };
  const failed = (error: string): KeyOutcome => {
    return { ...subject, result: 'failed', changed: false, fingerprint: null, files: [], error };
  };
  const locks = takeAll([repositoryLock(location)], backgroundDeps(wired, settings, 'keys export'));
  if ('holder' in locks)
    return failed(keptOutBy(locks.holder, locks.name, 'its repository', readBackups(wired.store)));
  try {
    const options = { stateDir: settings.stateDir, runDir: defaultRunDir, signal };
    const { changed, fingerprint, files } = await lookAtKnown(repository, id, wired.store, async (known) => {
      const exported = await exportKey(repository, known, folder, options);
      return { ...exported, changed: remember(wired, repository, exported, folder) };
    });
    const result = fingerprint === null ? 'none' : 'exported';
    return { ...subject, result, changed, fingerprint, files, error: null };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'StepError') throw error;
    return failed(error.message);
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}

/** Whether it is another key than the last one. What was read of the repository is as good as any other reading. */
function remember(
  { store, deps }: ExportContext['wired'],
  repository: DesiredRepository['repository'],
  { listing, fingerprint }: ExportedKey,
  folder: string,
): boolean {
  const nowMs = deps.clock.now();
  recordListing(store, repository, listing, nowMs);
  if (fingerprint === null) return false;
  const { location } = repository;
  return recordKey(store, { location, borgId: listing.id, fingerprint, exportedMs: nowMs, folder });
}
