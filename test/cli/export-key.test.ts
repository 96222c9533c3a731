import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { exportOne } from '../../cli/export-key.ts';
import { readBackups, writeListing } from '../../reconciler/state/backups.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { systemClock } from '../../tools/clock.ts';
import * as build from '../support/build.ts';

/** Real borg on a local folder (1.2 or 1.4, package borgbackup). */

const folder = mkdtempSync(path.join(tmpdir(), 'export-key-'));
const at = (name: string) => path.join(folder, name);
const store = openStore(at('state'));
const location = at('photo');
const declared = build.repository();
const repository = {
  ...declared,
  repository: { ...declared.repository, location, passphraseFile: at('words') },
};
const before = {
  ...{ location, borgId: 'the one before', encryption: 'repokey-blake2' },
  ...{ listedMs: 1, inDoubt: false, checkpoints: [] },
};

it('half of what borg prints fails that repository alone, and names it', async () => {
  const bin = mkdtempSync(path.join(tmpdir(), 'export-key-bin-'));
  const words = `#!/bin/sh\necho '{"archives": [], "encryption": {"mo'\n`;
  writeFileSync(path.join(bin, 'borg'), words, { mode: 0o755 });
  writeFileSync(at('words'), 'correct horse\n', { mode: 0o600 });
  const host = simulatedHost({ now: Date.now, resolveStack: async () => [] });
  const wired = { store: openStore(at('other-state')), deps: { ...host, clock: systemClock } };
  const settings = { stateDir: at('other-state') };
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  const context = { wired, settings, signal: new AbortController().signal };
  const outcome = await exportOne(repository, at('keys'), context).finally(() => vi.unstubAllEnvs());
  expect(outcome).toMatchObject({
    result: 'failed',
    error: `borg printed something else than JSON of ${location}`,
  });
});

it('the key of a repository that was exchanged is not taken for that of the one before', async () => {
  writeFileSync(at('words'), 'correct horse\n', { mode: 0o600 });
  const env = { ...process.env, BORG_BASE_DIR: at('state/borg'), BORG_PASSPHRASE: 'correct horse' };
  execFileSync('borg', ['init', '-e', 'repokey-blake2', location], { env, stdio: 'ignore' });
  writeListing(store, before, [{ name: 'photo-2026-11-23T02:30:00Z', id: 'a1', atMs: 5 }]);
  const host = simulatedHost({ now: Date.now, resolveStack: async () => [] });
  const wired = { store, deps: { ...host, clock: systemClock } };
  const settings = { stateDir: at('state') };
  const { signal } = new AbortController();
  const outcome = await exportOne(repository, at('keys'), { wired, settings, signal });
  expect(outcome).toMatchObject({
    result: 'failed',
    error: `the repository at ${location} is not the one that was there before, and was left alone; if it is meant to be used, steward forget ${declared.id}`,
  });
  const { repositories, archives, keys } = readBackups(store);
  expect(repositories.get(location)).toEqual({ ...before, inDoubt: true });
  expect(archives.get(location)).toHaveLength(1);
  expect(keys.size).toBe(0);
  expect(readdirSync(folder)).not.toContain('keys');
}, 180_000);
