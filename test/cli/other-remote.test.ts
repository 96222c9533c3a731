import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** The repository is at another URL since, which does not answer: commit, data and archives are all here still. */

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
let lab: Lab;
let good = '';

const elsewhere = () => [...lab.kept, '--repo', `${lab.root}/nothing.git`];
const command = (...args: string[]) => steward([...args, ...elsewhere()]);

beforeAll(async () => {
  lab = await newLab(['blog']);
  good = await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
  await steward(['backup', 'run', 'blog', ...lab.flags]);
});
afterAll(() => lab.remove());

describe('where another repository has given no commit yet', () => {
  it.each([
    ['archives', 'blog'],
    ['backup', 'run', 'blog'],
    ['restore', 'blog', '--yes'],
  ])('%s %s goes by the last good one, and says so once', async (...args) => {
    const { code, stderr } = await command(...args);
    expect(stderr).toMatch(
      /^steward: the repository has given no commit yet \(.*nothing\.git.*\); this goes by /,
    );
    expect(stderr.split(`this goes by ${good.slice(0, 7)}, the last good commit\n`)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('nothing is deleted', async () => {
    expectRefusal(
      await command('delete-archive', 'blog', 'latest', '--force'),
      /nothing is deleted until it has/,
    );
  });

  it('a cycle does nothing, and status says where the host is', async () => {
    const { code } = await command('reconcile', '--once');
    expect(code).toBe(1);
    const { stdout } = await steward(['status', ...lab.kept]);
    expect(stdout).toMatch(new RegExp(`commit +none yet; the host is at ${good.slice(0, 7)}\n`));
  });

  it('where commits have to be signed, one that was taken without is no way back', async () => {
    const config = join(lab.root, 'steward.yaml');
    writeFileSync(config, `verify: { allowedSigners: ${lab.root}/signers }\n`);
    const signed = await command('archives', 'blog', '--config', config);
    expect(signed).toMatchObject({ code: 1, stdout: '' });
    expect(signed.stderr).not.toContain('this goes by');
  });
});
