import { describe, expect, it } from 'vitest';
import { applyPlan } from '../../reconciler/apply-plan.ts';
import type { Change, Outcome, Plan, Step } from '../../reconciler/types.ts';
import { type Clock, systemClock } from '../../tools/clock.ts';
import * as build from '../support/build.ts';

interface Rig {
  log: string[];
  outcomes: Outcome[];
}

async function apply(
  changes: Change[],
  over: {
    fail?: string;
    announceFails?: string;
    gate?: string | null;
    probe?: string | null;
    clock?: Clock;
    during?: (step: Step) => void;
    parallel?: number;
    signal?: AbortSignal;
  } = {},
): Promise<Rig> {
  const log: string[] = [];
  const plan = { changes } as unknown as Plan;
  const nameOf = (step: Step) => ('network' in step ? step.network : step.op);
  const outcomes = await applyPlan(plan, {
    executor: {
      execute: async (step) => {
        log.push(`start ${nameOf(step)}`);
        over.during?.(step);
        await new Promise((resolve) => setImmediate(resolve));
        if (nameOf(step) === over.fail) throw new Error('it broke');
        log.push(`end ${nameOf(step)}`);
      },
    },
    gate: async () => over.gate ?? null,
    probe: async () => over.probe ?? null,
    clock: over.clock ?? systemClock,
    parallel: over.parallel ?? 4,
    announce: (change) => {
      if (change.id === over.announceFails) throw new Error('disk full');
      log.push(`announce ${change.id}`);
    },
    finished: (outcome) => log.push(`finished ${outcome.change.id} ${outcome.result}`),
    ...(over.signal === undefined ? {} : { signal: over.signal }),
  });
  return { log, outcomes };
}

const results = (rig: Rig) => rig.outcomes.map(({ change, result }) => `${change.id} ${result}`);
const [a, b, c] = ['docker-network:a', 'docker-network:b', 'docker-network:c'] as const;

describe('applying a plan', () => {
  it('announces each step before it runs', async () => {
    const { log } = await apply([build.change(a)]);
    expect(log).toEqual([`announce ${a}`, `start ${a}`, `end ${a}`, `finished ${a} applied`]);
  });

  it('starts a change only after what it needs', async () => {
    const { log } = await apply([build.change(a), build.change(b, { needs: [a] })]);
    expect(log.indexOf(`finished ${a} applied`)).toBeLessThan(log.indexOf(`announce ${b}`));
  });

  it('runs independent changes side by side, and no more than the limit', async () => {
    const { log } = await apply([build.change(a), build.change(b)]);
    expect(log.indexOf(`start ${b}`)).toBeLessThan(log.indexOf(`end ${a}`));
    const { log: one } = await apply([build.change(a), build.change(b)], { parallel: 1 });
    expect(one.indexOf(`end ${a}`)).toBeLessThan(one.indexOf(`start ${b}`));
  });

  it('never runs two changes that take turns side by side, and others beside them', async () => {
    const imageTurn = true;
    const { log } = await apply([
      build.change(a, { imageTurn }),
      build.change(b, { imageTurn }),
      build.change(c),
    ]);
    expect(log.indexOf(`end ${a}`)).toBeLessThan(log.indexOf(`start ${b}`));
    expect(log.indexOf(`start ${c}`)).toBeLessThan(log.indexOf(`end ${a}`));
  });

  it('does not count what is fetched beforehand as downtime', async () => {
    let nowMs = 0;
    const sleep = async () => {};
    const clock = { now: () => nowMs, monotonic: () => nowMs, sleep };
    const steps: Step[] = [
      { op: 'image-pull', image: 'app:2', tag: null, login: null },
      { op: 'network-remove', network: 'x' },
    ];
    const disruption = { level: 'restart' as const, seconds: 4, containers: ['app'] };
    const { outcomes } = await apply([build.change('compose-stack:app', { steps, disruption })], {
      clock,
      during: ({ op }) => {
        nowMs += op === 'image-pull' ? 60_000 : 2_000;
      },
    });
    expect(outcomes[0]).toMatchObject({ durationMs: 62_000, downtimeMs: 2_000 });
  });

  it('fails a route that does not answer, and what needs it', async () => {
    const probe = { service: 'a', container: 'hub', socket: '/s', targets: [], timeoutSeconds: 1 };
    const rig = await apply(
      [build.change('caddy-route:a', { probe }), build.change(b, { needs: ['caddy-route:a'] })],
      {
        probe: 'https://a.lan does not answer within 1 s',
      },
    );
    expect(results(rig)).toEqual(['caddy-route:a failed', `${b} skipped`]);
    expect(rig.outcomes[0]?.error).toBe('https://a.lan does not answer within 1 s');
  });

  it('takes a stack whose network is there before one more network', async () => {
    const services = ['a', 'b', 'c', 'd'];
    const networks = services.map((name) => build.change(`docker-network:${name}`));
    const stacks = services.map((name) =>
      build.change(`compose-stack:${name}`, { needs: [`docker-network:${name}`] }),
    );
    const { log } = await apply([...networks, ...stacks], { parallel: 1 });
    const begun = (id: string) => log.indexOf(`announce ${id}`);
    expect(begun('compose-stack:a')).toBeLessThan(begun('docker-network:c'));
    expect(begun('compose-stack:b')).toBeLessThan(begun('docker-network:d'));
  });

  it('skips what needs a failure, and nothing else', async () => {
    const rig = await apply([build.change(a), build.change(b, { needs: [a] }), build.change(c)], { fail: a });
    expect(results(rig)).toEqual([`${a} failed`, `${b} skipped`, `${c} applied`]);
    expect(rig.outcomes[1]?.error).toBe(`needs ${a}, which was not applied`);
  });

  it('finishes removals before anything is created', async () => {
    const { log } = await apply([build.change(a), build.change(b, { verb: 'delete' })]);
    expect(log.indexOf(`finished ${b} applied`)).toBeLessThan(log.indexOf(`announce ${a}`));
  });

  it('counts a stack as failed when its gate does not open, and holds back what needs it', async () => {
    const gate = { project: 'p', timeoutSeconds: 1, containers: [] };
    const rig = await apply([build.change(a, { gate }), build.change(b, { needs: [a] })], {
      gate: 'unhealthy',
    });
    expect(results(rig)).toEqual([`${a} failed`, `${b} skipped`]);
  });

  it('starts nothing more once the journal cannot be written, and says so', async () => {
    await expect(
      apply([build.change(a), build.change(b, { needs: [a] })], { announceFails: a }),
    ).rejects.toThrow('disk full');
  });

  it('begins no step after it was told to stop', async () => {
    const rig = await apply([build.change(a)], { signal: AbortSignal.abort() });
    expect(results(rig)).toEqual([`${a} skipped`]);
    expect(rig.log).toEqual([]);
  });
});
