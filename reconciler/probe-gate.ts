import type { Observer, ProbeAnswer, ProbeTarget } from '../observers/types.ts';
import type { Clock } from '../tools/clock.ts';

/** Attempted is not applied: a route counts once it was asked for through the hub, and answered. */

/** Routes that must answer through the hub. */
export interface ProbeGate {
  service: string;
  /** The hub's container, and the socket of its admin API. */
  container: string;
  socket: string;
  targets: ProbeTarget[];
  timeoutSeconds: number;
}

const pollMs = 500;

/** Null when all of them answer; else one sentence why not. */
export type ProbeKeeper = (gate: ProbeGate, signal?: AbortSignal) => Promise<string | null>;

export function probeKeeper(
  observer: Pick<Observer, 'probe'>,
  clock: Clock,
  /** What became of each, in the order of the gate's targets. */
  answered: (gate: ProbeGate, answers: ProbeAnswer[]) => void,
): ProbeKeeper {
  return async (gate, signal) => {
    const { container, socket, targets, timeoutSeconds } = gate;
    const endMs = clock.monotonic() + timeoutSeconds * 1000;
    for (;;) {
      const answers = await observer.probe({ container, socket, targets, signal });
      const flaw = flawOf(gate, answers);
      const isOver = clock.monotonic() >= endMs || signal?.aborted === true;
      if (flaw === null || isOver) answered(gate, answers);
      if (flaw === null) return null;
      if (isOver) return flaw;
      await clock.sleep(pollMs, signal).catch(() => {});
    }
  };
}

function flawOf({ targets, timeoutSeconds }: ProbeGate, answers: ProbeAnswer[]): string | null {
  const flaws = answers.flatMap(({ error }, index) =>
    error === null ? [] : [{ error, at: targets[index] }],
  );
  const [first] = flaws;
  if (first?.at === undefined) return null;
  const others = flaws.length === 1 ? '' : `, and ${flaws.length - 1} more`;
  return `${urlOf(first.at)} does not answer within ${timeoutSeconds} s: ${first.error}${others}`;
}

export function urlOf({ host, path, tls }: ProbeGate['targets'][number]): string {
  return `${tls === 'off' ? 'http' : 'https'}://${host}${path === '/' ? '' : path}`;
}
