import { constants } from 'node:os';

/** A lost connection asks to stop as Ctrl-C does: what is under way must not be left half done. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `npm run` hands on the Ctrl-C that the terminal has sent already: within so long they are one. */
const sameMs = 500;

/**
 * Calls `stop` at the first signal, and lets what is under way come to its end. The second one ends the process, with
 * 128 + N. The listeners stay for that: while a tool runs, execa listens as well, and ends the process where it finds
 * that nobody else does.
 */
export function onStopSignals(stop: (name: NodeJS.Signals) => void): void {
  let toldMs: number | null = null;
  const told = (name: (typeof names)[number]) => {
    const nowMs = performance.now();
    if (toldMs === null) {
      toldMs = nowMs;
      stop(name);
      // A shell and the kernel both tell of a lost connection: no impatience of a person.
    } else if (name !== 'SIGHUP' && nowMs - toldMs > sameMs) {
      // Not by the signal itself: what else is to be ended or wiped at an exit would stay.
      process.exit(128 + constants.signals[name]);
    }
  };
  for (const name of names) process.on(name, told);
}
