import type { Observed, ObservedContainer } from '../observers/types.ts';
import type { Clock } from '../tools/clock.ts';
import type { HealthGate } from './types.ts';

/**
 * Attempted is not applied: after `up` a stack has to become what it is meant to be. Judging is pure; one poller
 * serves all gates that are open at the same time, so that fifty stacks do not mean fifty container lists.
 */

/** A container without a health check counts once it has stayed up this long. */
const settleMs = 1_000;
/** Restarting for this long is a loop, not a slow start. */
const loopMs = 20_000;
const pollMs = 400;
const longestPauseMs = 5_000;

export type Judgement =
  | { state: 'ready' }
  | { state: 'waiting'; why: string }
  | { state: 'failed'; why: string };

/** When a container was first seen as it is now: id and state -> monotonic milliseconds. */
export type Sightings = Map<string, number>;

export function judge(
  gate: HealthGate,
  found: ObservedContainer[],
  seen: Sightings,
  nowMs: number,
): Judgement {
  let waiting: Judgement | null = null;
  for (const wanted of gate.containers) {
    const own = found.filter((container) => container.service === wanted.service);
    if (own.length < wanted.replicas)
      waiting ??= { state: 'waiting', why: `${wanted.service} is not there yet` };
    for (const container of own) {
      const judgement = judgeContainer(wanted, container, sinceMs(container, seen, nowMs));
      if (judgement.state === 'failed') return judgement;
      if (judgement.state === 'waiting') waiting ??= judgement;
    }
  }
  return waiting ?? { state: 'ready' };
}

function sinceMs(container: ObservedContainer, seen: Sightings, nowMs: number): number {
  const key = `${container.id} ${container.state}`;
  // Docker tells no start time in its list; what has just started has not been up for as long as it was seen.
  const first = container.justStarted ? nowMs : (seen.get(key) ?? nowMs);
  seen.set(key, first);
  return nowMs - first;
}

function judgeContainer(
  wanted: HealthGate['containers'][number],
  container: ObservedContainer,
  forMs: number,
): Judgement {
  const { name, state, health, exitCode } = container;
  switch (state) {
    case 'running':
      return judgeRunning(name, health, forMs, wanted.oneShot);
    case 'exited':
    case 'dead':
      if (wanted.oneShot && exitCode === 0) return { state: 'ready' };
      if (forMs < settleMs) return { state: 'waiting', why: `${name} has ended` };
      return { state: 'failed', why: `${name} ended with exit ${exitCode ?? '?'}; docker logs ${name}` };
    case 'restarting':
      if (forMs < loopMs) return { state: 'waiting', why: `${name} is being restarted` };
      return { state: 'failed', why: `${name} ends and is restarted again and again; docker logs ${name}` };
    default:
      return { state: 'waiting', why: `${name} is ${state}` };
  }
}

function judgeRunning(
  name: string,
  health: ObservedContainer['health'],
  forMs: number,
  oneShot: boolean,
): Judgement {
  if (health === 'healthy') return { state: 'ready' };
  if (health === 'starting') return { state: 'waiting', why: `${name} is not healthy yet` };
  if (health === 'unhealthy') return { state: 'failed', why: `${name} is unhealthy; docker logs ${name}` };
  // A one-shot that still works is as good as it gets: nobody knows how long it will.
  if (oneShot || forMs >= settleMs) return { state: 'ready' };
  return { state: 'waiting', why: `${name} has just started` };
}

/** Null when the gate opened; otherwise one sentence why it did not. Never throws for Docker's fault. */
export type GateKeeper = (gate: HealthGate, signal?: AbortSignal) => Promise<string | null>;

/** Gates that wait at the same time share their looks at Docker. */
export function gateKeeper(
  look: () => Promise<Observed<ObservedContainer[]>>,
  clock: Clock,
  /** Called with the containers of the project for which a gate opens. */
  opened: (project: string, containers: ObservedContainer[]) => unknown = () => {},
): GateKeeper {
  const nextLook = sharedLooks(look, clock);
  return async (gate, signal) => {
    const seen: Sightings = new Map();
    const startMs = clock.monotonic();
    let last = 'Docker was not asked';
    while (clock.monotonic() - startMs <= gate.timeoutSeconds * 1000 && signal?.aborted !== true) {
      const { beganMs, found } = await nextLook();
      // It may still show the healthy container that has just been replaced.
      if (beganMs < startMs) continue;
      const own = found.known ? (found.value.get(gate.project) ?? []) : [];
      const judgement = found.known
        ? judge(gate, own, seen, clock.monotonic())
        : { state: 'waiting' as const, why: found.error };
      if (judgement.state === 'ready') opened(gate.project, own);
      if (judgement.state === 'ready') return null;
      if (judgement.state === 'failed') return judgement.why;
      last = judgement.why;
    }
    if (signal?.aborted === true) return 'Steward was told to stop before it was healthy';
    return `${last} after ${gate.timeoutSeconds} s (deploy.healthTimeout)`;
  };
}

interface Look {
  /** Monotonic milliseconds. */
  beganMs: number;
  /** By project. */
  found: Observed<Map<string | null, ObservedContainer[]>>;
}

/** One look at a time for whoever waits, and most of the time none: Docker is at work on what is being waited for. */
function sharedLooks(look: () => Promise<Observed<ObservedContainer[]>>, clock: Clock): () => Promise<Look> {
  let next: Promise<Look> | null = null;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  const once = async (): Promise<Look> => {
    const waitMs = notBeforeMs - clock.monotonic();
    if (waitMs > 0) await clock.sleep(waitMs);
    const beganMs = clock.monotonic();
    const containers = await look();
    const tookMs = clock.monotonic() - beganMs;
    notBeforeMs = beganMs + Math.max(pollMs, Math.min(4 * tookMs, tookMs + longestPauseMs));
    const found = containers.known
      ? { known: true as const, value: byProject(containers.value) }
      : containers;
    return { beganMs, found };
  };
  return () => {
    next ??= once().finally(() => {
      next = null;
    });
    return next;
  };
}

function byProject(containers: ObservedContainer[]): Map<string | null, ObservedContainer[]> {
  return Map.groupBy(
    containers.filter(({ oneOff }) => !oneOff),
    ({ project }) => project,
  );
}
