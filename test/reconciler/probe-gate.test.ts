import { expect, it } from 'vitest';
import type { ProbeAnswer } from '../../observers/types.ts';
import { type ProbeGate, probeKeeper } from '../../reconciler/probe-gate.ts';

const target = (host: string, over = {}) => ({ host, path: '/', tls: 'internal' as const, ...over });
const gate: ProbeGate = {
  ...{ service: 'photo', container: 'hub', socket: '/admin.sock', timeoutSeconds: 30 },
  targets: [target('photo.lan'), target('old.lan', { tls: 'off', path: '/api' })],
};
const good: ProbeAnswer = { status: 200, latencyMs: 3, certificateEndsMs: 1, error: null };
const bad: ProbeAnswer = { status: 502, latencyMs: 3, certificateEndsMs: 1, error: 'the hub answers 502' };

/** What the gate says; what was recorded; how many seconds it took. */
async function passes(answers: ProbeAnswer[][], signal?: AbortSignal) {
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const clock = { now: () => nowMs, monotonic: () => nowMs, sleep };
  const recorded: ProbeAnswer[][] = [];
  let asked = 0;
  const probe = async () => answers[Math.min(asked++, answers.length - 1)] ?? [];
  const keeper = probeKeeper({ probe }, clock, (_gate, each) => recorded.push(each));
  const sentence = await keeper(gate, signal);
  return { sentence, recorded, seconds: clock.monotonic() / 1000, asked };
}

it('opens when all routes answer, and records that once', async () => {
  expect(
    await passes([
      [good, bad],
      [bad, good],
      [good, good],
    ]),
  ).toEqual({
    ...{ sentence: null, recorded: [[good, good]], seconds: 1, asked: 3 },
  });
});

it('says which one did not in time, and what it last said', async () => {
  const { sentence, recorded, seconds } = await passes([[good, bad]]);
  expect(sentence).toBe('http://old.lan/api does not answer within 30 s: the hub answers 502');
  expect({ recorded, seconds }).toEqual({ recorded: [[good, bad]], seconds: 30 });
  expect((await passes([[bad, bad]])).sentence).toContain(
    'https://photo.lan does not answer within 30 s: the hub answers 502, and 1 more',
  );
});

it('is not waited for any longer when Steward is told to stop', async () => {
  expect((await passes([[bad, bad]], AbortSignal.abort())).asked).toBe(1);
});
