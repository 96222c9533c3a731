import { expect, it } from 'vitest';
import { statusOf } from '../../cli/status-of.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import type { Notice, Outcome } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';
import { labRun } from '../support/lab-run.ts';

async function cycleWith(kind: 'backup' | 'compose-stack' | 'caddy-route'): Promise<Cycle> {
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

it('routes that were not loaded are told of by their service, whatever they answer', async () => {
  const cycle = await cycleWith('caddy-route');
  expect(statusOf(cycle, new Map()).routeTroubles).toEqual({ photo: 'full' });
  const git = { kind: 'caddy-route', id: 'caddy-route:git', name: 'git', service: 'git' } as const;
  const reasons = [{ field: 'routes', from: null, to: null, note: 'Caddy refuses it' }];
  const blocked: Notice[] = [{ verb: 'blocked', ...git, state: 'refused', reasons }];
  const plan = cycle.plan === null ? null : { ...cycle.plan, blocked };
  expect(statusOf({ ...cycle, plan, outcomes: [] }, new Map()).routeTroubles).toEqual({
    git: 'caddy-route:git: Caddy refuses it',
  });
});
