import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** Git names another repository than before: what is in the one before is not lost out of sight. */

const inLab = (repository: string) =>
  `${labYaml}backup: { repository: ${repository}, passphrase: { file: /etc/steward/words } }\n`;
const [before, after] = ['/backup/datapool_services_blog', '/elsewhere/datapool_services_blog'];
let lab: Lab;
let older = '';
let planned = '';

const command = (...args: string[]) => steward([...args, ...lab.flags]);

beforeAll(async () => {
  lab = await newLab(['blog']);
  await lab.commit('Back up', { 'lab.yaml': inLab('/backup') });
  await command('reconcile', '--once');
  await command('backup', 'run', 'blog');
  await command('reconcile', '--once');
  older = (await command('archives', 'blog')).stdout.split(' ')[0] ?? '';
  await lab.commit('Elsewhere', { 'lab.yaml': inLab('/elsewhere') });
  planned = (await command('plan')).stdout;
  await command('reconcile', '--once');
  await command('reconcile', '--once');
});
afterAll(() => lab.remove());

it('the plan says what stays where it was', () => {
  expect(planned).toContain(
    `${after}, made if it is not there, in the place of ${before}, whose archive stays there`,
  );
});

it('archives are listed, and where they are', async () => {
  const { code, stdout } = await command('archives', 'blog');
  expect(stdout).toContain(`No archive, as ${after} said`);
  expect(stdout).toMatch(
    new RegExp(`\n${older} .*\n\n1 archive in ${before}, where blog was backed up before: `),
  );
  expect(code).toBe(0);
  const told = JSON.parse((await command('archives', 'blog', '--output', 'json')).stdout);
  expect(told).toMatchObject({
    location: after,
    own: [],
    earlier: [{ location: before, own: [{ name: older }] }],
  });
});

it('they are read where they are, up to what a simulated host has', async () => {
  const { stderr } = await command('extract', 'blog', older, '--to', join(lab.root, 'found'));
  expect(stderr).toContain('blog: extracting\n✗ blog  failed in');
});

it('a restore says where one is, and what to do, and takes no other', async () => {
  expectRefusal(
    await command('restore', 'blog', '--archive', older, '--yes'),
    new RegExp(
      `${older} is in ${before}, where blog was backed up before: steward browse, extract and mount`,
    ),
  );
  expectRefusal(
    await command('restore', 'blog', '--yes'),
    new RegExp(`1 earlier archive is in ${before}, the newest ${older}`),
  );
});

it('of a service that has left Git since, too', async () => {
  await command('backup', 'run', 'blog');
  await lab.commit('No blog', { 'services/blog': null });
  await command('reconcile', '--once');
  await command('reconcile', '--once');
  const { stdout } = await command('archives', 'blog');
  expect(stdout).toContain(`1 archive, as ${after} said`);
  expect(stdout).toContain(`1 archive in ${before}, where`);
});
