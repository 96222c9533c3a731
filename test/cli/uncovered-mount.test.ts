import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatedHost } from '../../simulator/host.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** A server on which somebody has made a dataset by hand, inside the data of a service. */

let lab: Lab;
const child = 'datapool/services/blog/library';
const said = `${child} at /${child} is inside the data of blog and in no archive of it: declare library in dataset.children of services/blog/service.yaml`;
const status = (...flags: string[]) => steward(['status', '--state-dir', lab.stateDir, ...flags]);

beforeAll(async () => {
  lab = await newLab();
  const backup = 'backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n';
  await lab.commit('Back up', { 'lab.yaml': labYaml + backup });
  await steward(['reconcile', '--once', ...lab.flags]);
  expect((await status()).code).toBe(0);
  const file = join(lab.stateDir, 'simulated-host');
  const { drift } = simulatedHost({ file, now: Date.now, resolveStack: async () => [] });
  drift({ drift: 'createDataset', dataset: child, properties: {} });
  // No cycle has seen it yet: what a backup by hand finds is in the status from then on.
  await steward(['backup', 'run', 'blog', ...lab.flags]);
  expect((await status()).stdout).toContain(said);
  await steward(['reconcile', '--once', ...lab.flags]);
});
afterAll(() => lab.remove());

describe('a dataset that no archive has', () => {
  it('is in the plan, and among the backups below it', async () => {
    const { code, stdout } = await steward(['plan', ...lab.flags]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/! +backup +blog +degraded\n/);
    expect(stdout).toContain(said);
    expect(stdout).toContain('1 incomplete (blog)');
  });

  it('ends a backup by hand with 1, although there is an archive, and says so at once', async () => {
    const { code, stderr } = await steward(['backup', 'run', 'blog', ...lab.flags]);
    expect(stderr).toMatch(/! blog {2}backed up, but not all of its data, in .*\n/);
    expect(stderr).toContain(said);
    expect(code).toBe(1);
    expect((await steward(['backup', 'run', 'wiki', ...lab.flags])).code).toBe(0);
    const together = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    expect(together.stderr).toContain(said);
    expect(together.code).toBe(1);
  });

  it('is in the history and in the status, which ends with 1', async () => {
    const { stdout } = await steward(['backup', 'history', 'blog', '--state-dir', lab.stateDir]);
    expect(stdout).toContain(said);
    const text = await status();
    expect(text.stdout).toContain(said);
    expect(text.code).toBe(1);
    const { backups } = JSON.parse((await status('--output', 'json')).stdout);
    expect(backups).toMatchObject([
      { service: 'blog', uncovered: [expect.stringContaining(said)] },
      { service: 'wiki', uncovered: [] },
    ]);
  });

  it('is in the way of a restore of all, which says so before anything is stopped; not of a part beside it', async () => {
    const refused = await steward(['restore', 'blog', '--yes', ...lab.flags]);
    expectRefusal(refused, `${child} at /${child} is mounted inside`);
    expect(refused.stderr).not.toContain('stopping its containers');
    const part = await steward(['restore', 'blog', '--path', 'other', '--yes', ...lab.flags]);
    expect(part.code).toBe(0);
  });

  it('is well again once Git declares it, with its data in the next archive', async () => {
    await lab.commit('Declare it', {
      'services/blog/service.yaml': 'version: 1\ndataset: { children: { library: {} } }\n',
    });
    await steward(['reconcile', '--once', ...lab.flags]);
    expect((await status()).code).toBe(0);
    const { code, stderr } = await steward(['backup', 'run', 'blog', ...lab.flags]);
    expect(stderr).not.toContain('in no archive');
    expect(code).toBe(0);
  });
});
