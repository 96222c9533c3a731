import { createLogUpdate } from 'log-update';
import type { Change, Outcome } from '../../reconciler/types.ts';
import { outcomeLine } from './outcomes.ts';
import { type Look, lookOf, paint, safe, truncate } from './text.ts';

export type ProgressEvent =
  | { type: 'started'; change: Change }
  | { type: 'waiting'; change: Change }
  | { type: 'finished'; outcome: Outcome };

export interface ProgressReporter {
  event(event: ProgressEvent): void;
  /** Removes the live block; call it before anything else is printed. */
  done(): void;
}

/** On a terminal a live block of what is under way; on a pipe one line for each finished change. */
export function progressReporter(stream: NodeJS.WriteStream): ProgressReporter {
  const look = lookOf(stream);
  return look.width === null ? piped(stream, look) : live(stream, look);
}

function piped(stream: NodeJS.WriteStream, look: Look): ProgressReporter {
  return {
    event(event) {
      if (event.type === 'finished') stream.write(finishedText(event.outcome, look));
    },
    done() {},
  };
}

function live(stream: NodeJS.WriteStream, look: Look): ProgressReporter {
  const update = createLogUpdate(stream);
  const active = new Map<string, string>();
  const draw = () => update([...active.values()].slice(0, 10).join('\n'));
  return {
    event(event) {
      if (event.type === 'finished') {
        active.delete(event.outcome.change.id);
        update.clear();
        stream.write(finishedText(event.outcome, look));
      } else active.set(event.change.id, activeLine(event.change, event.type, look));
      draw();
    },
    done() {
      update.clear();
      update.done();
    },
  };
}

function finishedText(outcome: Outcome, look: Look): string {
  const error = outcome.error === null ? '' : `    ${safe(outcome.error)}\n`;
  return `${outcomeLine(outcome, look)}\n${error}`;
}

function activeLine(change: Change, type: 'started' | 'waiting', look: Look): string {
  const word = type === 'waiting' ? 'waiting until it is healthy' : change.verb;
  const text = truncate(`${change.kind}  ${safe(change.name)}  ${word} …`, (look.width ?? 80) - 2);
  return `${paint(look, 'cyan', '•')} ${text}`;
}
