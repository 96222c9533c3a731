import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordKey } from '../../reconciler/state/keys.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

let lab: Lab;
const repository = '/backup/datapool_services_blog';
const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
});
afterAll(() => lab.remove());

function exported(): void {
  const store = openStore(lab.stateDir);
  const row = store.db.prepare('SELECT borg_id FROM repositories WHERE location = ?').get(repository);
  const borgId = (row as { borg_id: string }).borg_id;
  const facts = { fingerprint: 'f'.repeat(64), exportedMs: Date.now(), folder: '/mnt/stick' };
  recordKey(store, { location: repository, borgId, ...facts });
  store.close();
}

describe('keys', () => {
  it('names what was never exported, and what to do; so do plan and status', async () => {
    const { code, stdout } = await steward(['keys', ...lab.flags]);
    expect(stdout).toMatch(
      /^✗ blog {2}repokey-blake2 {2}never exported {2}\/backup\/datapool_services_blog\n/,
    );
    expect(stdout).toContain('run steward keys export --to DIR');
    expect(code).toBe(1);
    const plan = await steward(['plan', ...lab.flags]);
    expect(plan.stdout).toMatch(/! borg-repository +\S+ +key not exported/);
    expect(plan.code).toBe(0);
    const { stdout: status } = await steward(['status', '--state-dir', lab.stateDir]);
    expect(status).toContain('! each of blog, wiki: its key was never exported');
  });

  it('tells when and where to one was exported, and programs all of it', async () => {
    exported();
    const { stdout } = await steward(['keys', ...lab.flags]);
    expect(stdout).toMatch(/^✓ blog {2}repokey-blake2 {2}exported .+ to \/mnt\/stick {2}\/backup/);
    const json = await steward(['keys', '--output', 'json', ...lab.flags]);
    expect(JSON.parse(json.stdout)).toEqual([
      expect.objectContaining({ service: 'blog', state: 'exported', folder: '/mnt/stick', problem: null }),
      expect.objectContaining({ service: 'wiki', state: 'never', exportedAt: null }),
    ]);
  });
});

describe('keys export', () => {
  it('wants a folder, and on a simulated host says why there is nothing to export', async () => {
    expectRefusal(await steward(['keys', 'export', ...lab.flags]), /^steward: --to DIR says where: /);
    const folder = join(lab.root, 'keys');
    expectRefusal(
      await steward(['keys', 'export', '--to', folder, ...lab.flags]),
      'a simulated host has no real repositories, so there are no keys to export',
    );
    expect(existsSync(folder)).toBe(false);
  });

  it('refuses a folder that others can look into', async () => {
    const folder = join(lab.root, 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const flags = lab.flags.slice(2);
    expectRefusal(
      await steward(['keys', 'export', '--to', folder, ...flags]),
      `${folder} can be read by others than its owner; run chmod 700 ${folder}`,
    );
    expect(statSync(folder).mode & 0o777).toBe(0o755);
  });
});
