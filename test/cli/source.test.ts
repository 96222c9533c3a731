import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gitSource } from '../../cli/source.ts';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { openRepository } from '../../desired-state/repository.ts';
import { type Lab, newLab } from './lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await newLab(['blog']);
});
afterEach(() => lab.remove());

/** A commit in force, with a reader that notes what it is told. */
async function inForce() {
  const learnt: unknown[] = [];
  const learn = async (_request: unknown, hashes: unknown) => void learnt.push(hashes);
  const environmentDir = join(lab.root, 'env');
  mkdirSync(environmentDir);
  const repository = openRepository({ url: lab.remote, stateDir: lab.stateDir });
  const compose = async () => ({ ...builtInReader(), learn });
  const source = gitSource({ repository, compose, environmentDir, stateDir: lab.stateDir });
  const { commit } = await source.sync();
  if (commit === null) throw new Error('no commit');
  const loaded = await source.load(commit);
  const resources = loaded.ok ? loaded.state.resources : [];
  const stack = resources.find(({ kind }) => kind === 'compose-stack');
  if (stack?.kind !== 'compose-stack') throw new Error('no stack');
  await source.promote(commit);
  const tell = () => source.learn([{ stack, hashes: { blog: 'stamped' } }], commit);
  return { tell, learnt, environmentDir, checkout: repository.checkoutRoot };
}

it('learns what compose has stamped', async () => {
  const { tell, learnt } = await inForce();
  await tell();
  expect(learnt).toEqual([{ blog: 'stamped' }]);
});

it('learns nothing where an environment file was changed while compose was at work', async () => {
  const { tell, learnt, environmentDir } = await inForce();
  writeFileSync(join(environmentDir, 'blog.env'), 'TOKEN=new\n');
  await tell();
  expect(learnt).toEqual([]);
});

it('learns nothing where the checkout was edited meanwhile', async () => {
  const { tell, learnt, checkout } = await inForce();
  writeFileSync(join(checkout, 'services/blog/site.conf'), 'greeting = by hand\n');
  await tell();
  expect(learnt).toEqual([]);
});
