import { expect, it } from 'vitest';
import { runCycle } from '../../reconciler/cycle.ts';
import { type Stamped, stampedHashes } from '../../reconciler/kinds/stack/stamped.ts';
import * as build from '../support/build.ts';
import { labRun } from '../support/lab-run.ts';

const stack = build.stack();
const [name = ''] = stack.containers.map((container) => container.name);
const seen = (configHash: string | null) => build.seenContainer(name, { configHash });

it.each<[string, (string | null)[], object | null]>([
  ['one container', ['a'], { [name]: 'a' }],
  ['replicas that agree', ['a', 'a'], { [name]: 'a' }],
  ['replicas that differ', ['a', 'b'], null],
  ['a container without a hash', [null], null],
  ['no container', [], null],
])('%s', (_what, hashes, expected) => {
  expect(stampedHashes(stack, hashes.map(seen))?.hashes ?? null).toEqual(expected);
});

it('are learnt when a stack was made, and not when nothing was done', async () => {
  const run = labRun(build.desired([stack]));
  const learnt: string[] = [];
  const learn = async (stamped: Stamped[]) => void learnt.push(...stamped.map((each) => each.stack.id));
  try {
    await runCycle(run.deps({ learn }), { dry: false });
    await runCycle(run.deps({ learn }), { dry: false });
    expect(learnt).toEqual([stack.id]);
  } finally {
    run.end();
  }
});
