import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { exportKey } from '../../reconciler/apply/key-export.ts';
import { importKey, lacksKey } from '../../reconciler/apply/key-import.ts';
import { privateFolder } from '../../reconciler/apply/private-file.ts';
import { reference } from './backup-fixtures.ts';

/** A server whose key files are lost with it: real borg on local folders (1.2 or 1.4, package borgbackup). */

const folder = mkdtempSync(path.join(tmpdir(), 'key-import-'));
const at = (name: string) => path.join(folder, name);
const repository = (name: string) => ({
  ...{ ...reference, location: at(name), encryption: 'keyfile-blake2', passphraseFile: at('words') },
});
const fresh = { stateDir: at('new-server'), lockWaitSeconds: 5 };

beforeAll(async () => {
  writeFileSync(at('words'), 'correct horse\n', { mode: 0o600 });
  await privateFolder(at('keys'));
  for (const name of ['git', 'photo']) {
    const env = { ...process.env, BORG_BASE_DIR: at('old/borg'), BORG_PASSPHRASE: 'correct horse' };
    execFileSync('borg', ['init', '-e', 'keyfile-blake2', at(name)], { env, stdio: 'ignore' });
    const options = { stateDir: at('old'), runDir: at('run'), lockWaitSeconds: 5 };
    await exportKey(repository(name), undefined, at('keys'), options);
  }
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const list = (name: string) =>
  hostExecutor(fresh).execute({ op: 'borg-list', repository: repository(name) }, {});

it('the exported key opens the repository on another server', { timeout: 120_000 }, async () => {
  const refused = await list('photo').catch((error: unknown) => error);
  expect(lacksKey(refused)).toBe(true);
  expect(await importKey(repository('photo'), at('keys'), fresh)).toMatch(/\/keys\/photo-[0-9a-f]{8}\.key$/);
  expect((await list('photo'))?.repository?.archives).toEqual([]);
});

it('a folder without its key is named', { timeout: 120_000 }, async () => {
  mkdirSync(at('empty'));
  const tried = importKey(repository('git'), at('empty'), fresh);
  await expect(tried).rejects.toThrow(`none of the 0 keys in ${at('empty')} is that of ${at('git')}`);
});

it('the key of another repository is not taken for its own', { timeout: 120_000 }, async () => {
  const moved = at('other-name');
  execFileSync('cp', ['-r', at('git'), moved]);
  const found = await importKey({ ...repository('git'), location: moved }, at('keys'), fresh);
  expect(found).toMatch(/\/keys\/git-/);
});
