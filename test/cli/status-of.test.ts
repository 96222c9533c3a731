import { expect, it } from 'vitest';
import { statusOf } from '../../cli/status-of.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import type { Outcome } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';
import { labRun } from '../support/lab-run.ts';

async function cycleWith(kind: 'backup' | 'compose-stack'): Promise<Cycle> {
  const lab = labRun(build.desired([build.stack('photo', { containers: [build.container('app')] })]));
  try {
    const cycle = await lab.cycle();
    const [first] = cycle.outcomes;
    if (first === undefined) throw new Error('nothing was applied');
    const failed: Outcome = { ...first, change: { ...first.change, kind }, result: 'failed', error: 'full' };
    return { ...cycle, result: 'failed', outcomes: [failed] };
  } finally {
    lab.end();
  }
}

it('a commit is in force although a backup failed, and is not where a stack did', async () => {
  const [backup, stack] = await Promise.all([cycleWith('backup'), cycleWith('compose-stack')]);
  expect(statusOf(backup, new Map()).appliedCommit).toBe(build.commit.id);
  expect(statusOf(stack, new Map()).appliedCommit).toBeNull();
});
