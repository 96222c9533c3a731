import { describe, expect, it } from 'vitest';
import type { Observed, ObservedContainer } from '../../observers/types.ts';
import { gateKeeper, judge } from '../../reconciler/gate.ts';
import type { HealthGate } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';

const wanted = { service: 'server', oneShot: false, hasHealthcheck: false, replicas: 1 };
const gate: HealthGate = { project: 'photo', timeoutSeconds: 60, containers: [wanted] };

/** Seen for the first time at 0, judged at `atMs`. */
function judged(over: Partial<ObservedContainer>, atMs: number, oneShot = false) {
  const found = [build.seenContainer('server', over)];
  const seen = new Map();
  const asked = { ...gate, containers: [{ ...wanted, oneShot }] };
  judge(asked, found, seen, 0);
  return judge(asked, found, seen, atMs).state;
}

describe('a health gate', () => {
  it.each<[string, Partial<ObservedContainer>, number, string]>([
    ['running, healthy', { health: 'healthy' }, 0, 'ready'],
    ['running, starting', { health: 'starting' }, 50_000, 'waiting'],
    ['running, unhealthy', { health: 'unhealthy' }, 0, 'failed'],
    ['running without a check, just now', {}, 0, 'waiting'],
    ['running without a check, for a second', {}, 1_000, 'ready'],
    ['ended', { state: 'exited', exitCode: 1 }, 2_000, 'failed'],
    ['restarting for a moment', { state: 'restarting' }, 5_000, 'waiting'],
    ['restarting for long', { state: 'restarting' }, 20_000, 'failed'],
    ['created', { state: 'created' }, 50_000, 'waiting'],
  ])('%s', (_name, over, atMs, expected) => {
    expect(judged(over, atMs)).toBe(expected);
  });

  it('is open for a one-shot that exited 0, shut for one that did not', () => {
    expect(judged({ state: 'exited', exitCode: 0 }, 0, true)).toBe('ready');
    expect(judged({ state: 'exited', exitCode: 1 }, 2_000, true)).toBe('failed');
  });

  it('waits for a container that is not there', () => {
    expect(judge(gate, [], new Map(), 0).state).toBe('waiting');
  });

  it('does not take a container for settled that has just started again', () => {
    expect(judged({ justStarted: true }, 60_000)).toBe('waiting');
  });

  it('begins to count anew when a container was replaced', () => {
    const seen = new Map();
    judge(gate, [build.seenContainer('server', { id: 'old' })], seen, 0);
    expect(judge(gate, [build.seenContainer('server', { id: 'new' })], seen, 5_000).state).toBe('waiting');
  });
});

describe('the gate keeper', () => {
  function keeper(answers: Observed<ObservedContainer[]>[], tookMs = 0) {
    let nowMs = 0;
    let looks = 0;
    const clock = {
      now: () => nowMs,
      monotonic: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const keep = gateKeeper(async () => {
      nowMs += tookMs;
      return answers[Math.min(looks++, answers.length - 1)] as Observed<ObservedContainer[]>;
    }, clock);
    return { keep, looks: () => looks, nowMs: () => nowMs };
  }
  const docker = (over: Partial<ObservedContainer>): Observed<ObservedContainer[]> => ({
    known: true,
    value: [build.seenContainer('server', over)],
  });

  it('waits through a Docker that does not answer until the container is healthy', async () => {
    const { keep } = keeper([
      { known: false, error: 'down' },
      docker({ health: 'starting' }),
      docker({ health: 'healthy' }),
    ]);
    expect(await keep(gate)).toBeNull();
  });

  it('gives up after the timeout and says what it was waiting for', async () => {
    const { keep } = keeper([docker({ health: 'starting' })]);
    expect(await keep(gate)).toBe('photo-server is not healthy yet after 60 s (deploy.healthTimeout)');
  });

  it('looks once for all gates that are open at the same time', async () => {
    const { keep, looks } = keeper([docker({ health: 'healthy' })]);
    await Promise.all([keep(gate), keep(gate), keep(gate)]);
    expect(looks()).toBe(1);
  });

  it('does not believe a look that began before: it may show what has just been replaced', async () => {
    const late = Promise.withResolvers<Observed<ObservedContainer[]>>();
    const answers = [late.promise, Promise.resolve(docker({ health: 'unhealthy' }))];
    let nowMs = 0;
    const sleep = async (ms: number) => {
      nowMs += ms;
    };
    const keep = gateKeeper(() => answers.shift() as (typeof answers)[0], {
      now: () => nowMs,
      monotonic: () => nowMs,
      sleep,
    });
    const before = keep(gate);
    nowMs += 10;
    const after = keep(gate);
    late.resolve(docker({ health: 'healthy' }));
    expect(await before).toBeNull();
    expect(await after).toContain('unhealthy');
  });

  it('leaves a slow Docker three quarters of the time for its work', async () => {
    const { keep, looks, nowMs } = keeper([docker({ health: 'starting' })], 1_000);
    await keep(gate);
    expect(nowMs() / looks()).toBeGreaterThan(3_500);
  });
});
