import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { archive, proofLab } from './proof-lab.ts';

/** Real borg, which goes by these names alone. */
it('what attempts that were cut off have left is found by its name, deleted, and told', async () => {
  const lab = proofLab();
  await lab.archived();
  const { repository } = lab;
  const names = [
    'photo-2026-11-22T02:30:00Z.checkpoint',
    'photo-2026-11-22T02:30:00Z.checkpoint.1',
    'laptop.checkpoint',
  ];
  const env = {
    ...process.env,
    BORG_BASE_DIR: lab.at('other'),
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  };
  for (const name of names)
    execFileSync('borg', ['create', `${repository.location}::${name}`, '.'], { env, cwd: lab.snapshot });
  const there = async () => (await lab.run({ op: 'borg-list', repository }))?.repository;
  expect(await there()).toMatchObject({ archives: [{ name: archive }], checkpoints: names });
  const onlyAfter = { archive, minFiles: 0, minBytes: 0 };
  const facts = await lab.run({ op: 'borg-delete', repository, archives: names.slice(0, 2), onlyAfter });
  expect(facts).toEqual({
    notes: [
      'what attempts that were cut off had left was deleted: photo-2026-11-22T02:30:00Z.checkpoint, photo-2026-11-22T02:30:00Z.checkpoint.1',
    ],
  });
  expect(await there()).toMatchObject({ archives: [{ name: archive }], checkpoints: ['laptop.checkpoint'] });
});
