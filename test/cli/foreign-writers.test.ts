import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ObservedContainer } from '../../observers/types.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** Containers of nobody that write to the data of blog. */

let lab: Lab;
const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
const run = (...args: string[]) => steward([...args, ...lab.flags]);
const writes = ['/datapool/services/blog/data'];

function host() {
  const resolveStack = async () => [];
  return simulatedHost({ file: join(lab.stateDir, 'simulated-host'), now: Date.now, resolveStack });
}

function add(container: Partial<ObservedContainer> & { name: string }): () => void {
  const { addContainer, state } = host();
  const id = addContainer({ writes, ...container });
  return () => {
    state.store.refresh();
    state.containers.delete(id);
    state.store.commit();
  };
}

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await run('reconcile', '--once');
  await run('backup', 'run', 'blog');
});
afterAll(() => lab.remove());

it('one that a stop would end for good is in the way of a restore, and not of a backup, which says so', async () => {
  const remove = add({ name: 'copy', autoRemove: true });
  const words = /copy \(docker run --rm\) writes to the data of blog, .*; end it first; nothing was done/;
  expectRefusal(await run('restore', 'blog', '--yes'), words);
  expect((await run('backup', 'run', 'blog')).code).toBe(0);
  const { stdout } = await steward(['backup', 'history', 'blog', ...lab.kept]);
  remove();
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    'copy writes to the data of blog while the snapshot is taken: stopping it would end it for good (docker run --rm)',
  );
});

it('one that can be stopped is stopped for a restore, and runs again', async () => {
  const remove = add({ name: 'browser' });
  const { code, stderr } = await run('restore', 'blog', '--yes');
  const after = await host().observer.observeContainers();
  remove();
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('✓ blog  restored'),
  });
  expect(after.known && after.value.find(({ name }) => name === 'browser')?.state).toBe('running');
});
