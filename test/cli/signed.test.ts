import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runOk } from '../../tools/run.ts';
import { git, newLab, serviceFiles } from './lab.ts';
import { steward } from './steward.ts';

it('what nobody has signed is not applied, and said by every command that looks, until somebody does', async () => {
  const lab = await newLab(['blog']);
  try {
    const key = join(lab.root, 'ada');
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const [signers, config, work] = [
      join(lab.root, 'signers'),
      join(lab.root, 'steward.yaml'),
      join(lab.root, 'work'),
    ];
    writeFileSync(signers, `ada@homelab.lan ${readFileSync(`${key}.pub`, 'utf8')}`, { mode: 0o644 });
    writeFileSync(config, `verify: { allowedSigners: ${signers} }\n`);
    const flags = [...lab.flags, '--config', config];
    const none = await steward(['reconcile', '--once', ...flags]);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toContain('"First" is not applied: it is not signed');
    for (const [name, value] of Object.entries({
      'gpg.format': 'ssh',
      'user.signingKey': key,
      'commit.gpgSign': 'true',
    }))
      await git(work, 'config', name, value);
    const good = await lab.commit('Signed', {});
    expect((await steward(['reconcile', '--once', ...flags])).code).toBe(0);
    await git(work, 'config', 'commit.gpgSign', 'false');
    const bad = await lab.commit('Nobody knows who', serviceFiles('wiki'));
    const sentence = `commit ${bad.slice(0, 7)} "Nobody knows who" is not applied: it is not signed (${signers}); ${good.slice(0, 7)} stays in force`;
    const [once, plan] = [
      await steward(['reconcile', '--once', ...flags]),
      await steward(['plan', ...flags]),
    ];
    expect(once).toMatchObject({ code: 1, stderr: expect.stringContaining(`steward: ${sentence}`) });
    expect(plan.stderr).toContain(`steward: ${sentence}`);
    expect(plan.stdout).not.toContain('wiki');
    const status = await steward(['status', ...lab.kept]);
    expect(status).toMatchObject({ code: 1, stdout: expect.stringContaining(`refused     ${sentence}`) });
    const json = JSON.parse((await steward(['status', ...lab.kept, '--output', 'json'])).stdout);
    expect(json).toMatchObject({ commit: good, refused: { id: bad, subject: 'Nobody knows who' } });
  } finally {
    lab.remove();
  }
});
