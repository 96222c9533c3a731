import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../cli/render/status.ts';
import { statusOf } from '../../cli/status-of.ts';
import { type Cycle, runCycle, type Source } from '../../reconciler/cycle.ts';
import { readServices } from '../../reconciler/state/inventory.ts';
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
  expect(statusOf(backup, new Map(), null).appliedCommit).toBe(build.commit.id);
  expect(statusOf(stack, new Map(), null).appliedCommit).toBeNull();
});

it('routes that were not loaded are told of by their service, whatever they answer', async () => {
  const cycle = await cycleWith('caddy-route');
  expect(statusOf(cycle, new Map(), null).routeTroubles).toEqual({ photo: 'full' });
  const git = { kind: 'caddy-route', id: 'caddy-route:git', name: 'git', service: 'git' } as const;
  const reasons = [{ field: 'routes', from: null, to: null, note: 'Caddy refuses it' }];
  const blocked: Notice[] = [{ verb: 'blocked', ...git, state: 'refused', reasons }];
  const plan = cycle.plan === null ? null : { ...cycle.plan, blocked };
  expect(statusOf({ ...cycle, plan, outcomes: [] }, new Map(), null).routeTroubles).toEqual({
    git: 'caddy-route:git: Caddy refuses it',
  });
});

it('a fetch that Steward was told to stop says nothing of the repository', async () => {
  const before = statusOf(await cycleWith('backup'), new Map(), null);
  const lab = labRun(build.desired([build.stack('photo', { containers: [build.container('app')] })]));
  const stopping = new AbortController();
  const cut: Source['sync'] = async () => {
    stopping.abort();
    return { commit: build.commit, error: 'stopped', refused: null, fetched: false };
  };
  try {
    const cycle = await runCycle({ ...lab.deps({ sync: cut }), signal: stopping.signal }, { dry: true });
    expect(statusOf(cycle, new Map(), before).repositoryError).toBeNull();
    const gone = statusOf(cycle, new Map(), { ...before, repositoryError: 'nobody answers there' });
    expect(gone.repositoryError).toBe('nobody answers there');
  } finally {
    lab.end();
  }
});

it('a service that is held by the policy says where in its files', async () => {
  const cycle = await cycleWith('compose-stack');
  const stack = {
    kind: 'compose-stack',
    id: 'compose-stack:photo',
    name: 'photo',
    service: 'photo',
  } as const;
  const origin = { file: 'services/photo/docker-compose.yml', line: 4, column: 5 };
  const reasons = [{ field: 'policy', from: null, to: null, note: 'app is privileged (privileged)', origin }];
  const blocked: Notice[] = [{ verb: 'blocked', ...stack, state: 'policy', reasons }];
  const plan = cycle.plan === null ? null : { ...cycle.plan, blocked };
  expect(statusOf({ ...cycle, plan, outcomes: [] }, new Map(), null).services).toMatchObject([
    {
      state: 'blocked',
      error: 'compose-stack:photo: app is privileged (privileged) (services/photo/docker-compose.yml:4)',
    },
  ]);
});

describe('a cycle that carries nothing out', () => {
  const desired = build.desired([build.stack('photo', { containers: [build.container('app')] })]);
  const next = { ...desired, commit: { ...desired.commit, id: 'b'.repeat(40) } };
  const held = { field: 'limits.removals', from: null, to: null, note: 'removes 8 of 9' };
  const toolError = Object.assign(new Error('docker compose does not answer'), { name: 'ToolError' });

  /** What is told of the next commit, after one that was applied. */
  async function told(load: Source['load'], over: (cycle: Cycle) => Cycle = (cycle) => cycle) {
    const lab = labRun(desired);
    try {
      const applied = statusOf(await lab.cycle(), readServices(lab.store()), null);
      const { lastCycle } = applied;
      lab.later(60_000);
      lab.push(next);
      const cycle = over(await runCycle(lab.deps({ load }), { dry: false }));
      return { status: statusOf(cycle, readServices(lab.store()), applied), lookedAt: lastCycle?.at };
    } finally {
      lab.end();
    }
  }

  it.each<[string, Source['load']]>([
    ['since its commit is bad', async () => ({ ok: false, problems: [] })],
    ['since compose does not answer', () => Promise.reject(toolError)],
  ])('%s, leaves what the host is at, and says when it was looked at', async (_why, load) => {
    const { status, lookedAt } = await told(load);
    expect(status).toMatchObject({
      commit: next.commit.id,
      appliedCommit: desired.commit.id,
      seenAt: lookedAt,
    });
    expect(status.services).toMatchObject([{ name: 'photo', state: 'in-sync' }]);
    const look = { color: false, width: null, now: status.lastCycle?.at ?? 0 };
    expect(renderStatus(status, look)).toContain('as it was   1 min ago: the host was not looked at since\n');
  });

  const other = { ...next, services: ['git'], resources: [build.stack('git')] };
  const load: Source['load'] = async () => ({ ok: true, state: other });
  const holding = (cycle: Cycle): Cycle => ({
    ...cycle,
    result: 'held',
    plan: cycle.plan && { ...cycle.plan, held },
  });

  it('since its commit is held, leaves what the host is at, and the services that it has', async () => {
    const { status, lookedAt } = await told(load, holding);
    expect(status).toMatchObject({
      ...{ commit: next.commit.id, appliedCommit: desired.commit.id, held, seenAt: lookedAt },
      services: [{ name: 'photo', state: 'in-sync' }],
      orphans: [],
    });
  });

  it('tells of the host as a look by the commit in force has seen it', async () => {
    const lab = labRun(desired);
    try {
      const applied = statusOf(await lab.cycle(), readServices(lab.store()), null);
      const seen = await lab.cycle({ dry: true });
      lab.push(next);
      const cycle = holding(await runCycle(lab.deps({ load }), { dry: true }));
      const status = statusOf(cycle, readServices(lab.store()), applied, seen);
      expect(status).toMatchObject({
        ...{ commit: next.commit.id, appliedCommit: desired.commit.id, held },
        services: [{ name: 'photo', state: 'in-sync' }],
        orphans: [],
      });
      expect(status).not.toHaveProperty('seenAt');
    } finally {
      lab.end();
    }
  });
});

it('of a commit of which a part has failed nobody reads that nothing was ever applied', async () => {
  const status = statusOf(await cycleWith('compose-stack'), new Map(), null);
  const look = { color: false, width: null, now: status.lastCycle?.at ?? 0 };
  const head = (appliedCommit: string | null) =>
    renderStatus({ ...status, services: status.services.map((each) => ({ ...each, appliedCommit })) }, look);
  const id = build.commit.id.slice(0, 7);
  expect(head(build.commit.id)).toContain(`commit      ${id}, not applied as a whole\n`);
  expect(head(null)).toContain(`commit      ${id}, not applied; nothing applied yet\n`);
});
