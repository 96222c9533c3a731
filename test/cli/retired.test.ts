import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labYaml, newLab, serviceFiles } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** Archives of a service that has left Git: that is when its data may be wanted back. */

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
const location = '/backup/datapool_services_blog';
let lab: Lab;
let archive = '';

const command = (...args: string[]) => steward([...args, ...lab.flags]);

beforeAll(async () => {
  lab = await newLab(['blog', 'wiki', 'photo']);
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await command('reconcile', '--once');
  await command('backup', 'run', 'blog');
  await command('reconcile', '--once');
  archive = (await command('archives', 'blog')).stdout.split(' ')[0] ?? '';
  await lab.commit('No blog', { 'services/blog': null });
  await command('reconcile', '--once');
  // Several: what a cycle knows of it must not be gone with the next.
  await command('reconcile', '--once');
});
afterAll(() => lab.remove());

describe('a service that Git no longer declares', () => {
  it.each([['known'], ['asked for again', '--refresh']])(
    'has its archives listed, %s',
    async (_how, ...flags) => {
      const { code, stdout, stderr } = await command('archives', 'blog', ...flags);
      expect(stdout).toMatch(new RegExp(`^${archive} .*\n\n1 archive, as ${location} said `));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  it('is looked into, up to what a simulated host has', async () => {
    expectRefusal(await command('browse', 'blog', 'latest'), /simulated host have no files to look at/);
    const folder = join(lab.root, 'found');
    const { code, stderr } = await command('extract', 'blog', 'latest', '--to', folder);
    const tried = 'blog: extracting\n✗ blog  failed in';
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(tried) });
  });

  it('has data of its own still, which nothing is extracted into', async () => {
    for (const name of ['blog', 'wiki'])
      expectRefusal(
        await command('extract', 'blog', 'latest', '--to', `/datapool/services/${name}/x`),
        new RegExp(`is in the data of ${name} `),
      );
  });

  it.each([
    ['restore', 'blog', '--yes'],
    ['backup', 'run', 'blog'],
    ['delete-archive', 'blog', 'latest', '--force'],
  ])('%s says that it has left, where its archives are, and what to do', async (...args) => {
    expectRefusal(
      await command(...args),
      `steward: Git no longer declares a backup of blog; its archives are in ${location}. Put services/blog back into Git for that; steward archives, browse, extract and mount do without\n`,
    );
  });

  it('one that was never there is a mistake of typing', async () => {
    expectRefusal(await command('archives', 'blok'), /there is no backup of blok; did you mean blog\?/);
    expectRefusal(await command('restore', 'wikl'), /there is no backup of wikl; did you mean wiki\?/);
  });
});

it('one that Git declares again goes by what Git says, also before a cycle has seen it', async () => {
  const moved = withBackup.replace('/backup', '/elsewhere');
  await lab.commit('The blog elsewhere', { 'lab.yaml': moved, ...serviceFiles('blog') });
  const { stdout, stderr } = await command('archives', 'blog');
  expect(`${stdout}${stderr}`).toContain('/elsewhere/datapool_services_blog');
  await lab.commit('No blog', { 'lab.yaml': withBackup, 'services/blog': null });
});

it('one that left before Steward kept what its archives are read with is at least told with their place', async () => {
  using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
  const { declared } = db.prepare('SELECT declared FROM declared_backups').get() as { declared: string };
  const { retired: _retired, ...before } = JSON.parse(declared) as { retired: object };
  db.prepare('UPDATE declared_backups SET declared = ?').run(JSON.stringify(before));
  expectRefusal(
    await command('archives', 'blog'),
    `Git no longer declares a backup of blog; its archives are in ${location}. Put services/blog back into Git for that, or ask borg list ${location}\n`,
  );
});

it('one that is back is as it was', async () => {
  await lab.commit('The blog again', serviceFiles('blog'));
  await command('reconcile', '--once');
  const { code, stderr } = await command('restore', 'blog', '--yes');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`restored from ${archive}`),
  });
  expect((await command('archives', 'blog')).stdout).toContain(archive);
});
