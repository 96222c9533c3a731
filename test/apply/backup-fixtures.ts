import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ArchiveFacts, ExecuteOptions } from '../../reconciler/apply/types.ts';
import type { BorgCreate, Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

/** A fake borg, and what it needs around it. `$ARGS` is its command line without what Steward adds for itself. */
export function borgLab(script: string, mounting = '') {
  const borg = fakeTool(
    `ARGS=$(echo "$*" | sed 's/ --log-json --lock-wait [0-9]*//'); echo "$ARGS" >> "$LOG"\n${script}`,
  );
  const unshare = fakeTool('while [ "$1" != sh ]; do shift; done; exec "$@"');
  const mount = fakeTool(`echo "$*" >> "$LOG"\n${mounting}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'apply-borg-'));
  const passphraseFile = path.join(folder, 'passphrase');
  writeFileSync(passphraseFile, 'correct horse\n', { mode: 0o600 });
  const commands = { borg: borg.command, unshare: unshare.command, mount: mount.command };
  const options = { commands, stateDir: path.join(folder, 'state'), runDir: path.join(folder, 'run') };
  const executor = hostExecutor({ ...options, lockWaitSeconds: 600, borgIdleMs: 20_000 });
  return {
    run: (step: Step, given: ExecuteOptions = {}) => executor.execute(step, given),
    calls: borg.calls,
    mounts: mount.calls,
    folder,
    options,
    repository: { ...reference, passphraseFile },
  };
}

export const reference: RepositoryRef = {
  location: 'ssh://borg@backup/./photo',
  encryption: 'repokey-blake2',
  passphraseFile: null,
  identity: null,
  knownHosts: null,
  keysDirectory: null,
  appendOnly: false,
};

export function createStep(repository: RepositoryRef, over: Partial<BorgCreate> = {}): BorgCreate {
  return {
    op: 'borg-create',
    repository,
    archive: 'photo-2026-11-23',
    at: 'photo',
    mounts: [
      { snapshot: 'datapool/photo@run', below: '' },
      { snapshot: 'datapool/photo/db@run', below: 'db' },
    ],
    compression: 'zstd',
    excludes: ['*.tmp'],
    comment: 'run 7',
    repositoryId: null,
    expected: null,
    ...over,
  };
}

export function archive(over: Partial<ArchiveFacts> = {}): ArchiveFacts {
  return {
    name: 'photo-2026-11-23',
    id: 'a'.repeat(64),
    files: 100,
    filesRead: 3,
    originalBytes: 5_000,
    compressedBytes: 4_000,
    deduplicatedBytes: 10,
    durationMs: 1_500,
    startMs: null,
    warnings: [],
    ...over,
  };
}

/** What `borg list --json` prints for these archives. */
export function listing(names: string[], mode = 'repokey-blake2'): string {
  const archives = names.map((name) => ({ name, id: `id-${name}`, start: '2026-11-23T02:00:00.000000' }));
  return JSON.stringify({ archives, encryption: { mode }, repository: { id: 'abc' } });
}
