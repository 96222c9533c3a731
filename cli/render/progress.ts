import { createLogUpdate } from 'log-update';
import type { Change, ChangeVerb, Outcome } from '../../reconciler/types.ts';
import { type Columns, columnsOf } from './columns.ts';
import { errorLines, outcomeLine } from './outcomes.ts';
import { joinLines, type Look, lookOf, paint, truncate } from './text.ts';

export type ProgressEvent =
  | { type: 'started'; change: Change }
  | { type: 'waiting'; change: Change }
  | { type: 'finished'; outcome: Outcome };

export interface ProgressReporter {
  /** What is going to be done: the lines are aligned for it. */
  begin(changes: Change[], mountpoint: string | undefined): void;
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
  const lines = lineWriter(look);
  return {
    begin: lines.begin,
    event(event) {
      if (event.type === 'finished') stream.write(lines.finished(event.outcome));
    },
    done() {},
  };
}

function live(stream: NodeJS.WriteStream, look: Look): ProgressReporter {
  const update = createLogUpdate(stream);
  const lines = lineWriter(look);
  const active = new Map<string, string>();
  const draw = () => update([...active.values()].slice(0, 10).join('\n'));
  return {
    begin(changes, mountpoint) {
      lines.begin(changes, mountpoint);
      if (changes.length > 0) stream.write('\n');
    },
    event(event) {
      if (event.type === 'finished') {
        active.delete(event.outcome.change.id);
        update.clear();
        stream.write(lines.finished(event.outcome));
      } else active.set(event.change.id, lines.active(event.change, event.type));
      draw();
    },
    done() {
      update.clear();
      update.done();
    },
  };
}

const present: Record<ChangeVerb, string> = {
  create: 'creating',
  update: 'updating',
  replace: 'replacing',
  delete: 'removing',
  run: 'running',
};

function lineWriter(look: Look) {
  let columns: Columns = columnsOf([], look);
  const seen = new Set<string>();
  return {
    begin(changes: Change[], mountpoint: string | undefined): void {
      columns = columnsOf(changes, look, mountpoint);
    },
    finished(outcome: Outcome): string {
      return joinLines([outcomeLine(outcome, look, columns), ...errorLines(outcome, look, seen)]);
    },
    active(change: Change, type: 'started' | 'waiting'): string {
      const word = type === 'waiting' ? 'waiting until it is healthy' : present[change.verb];
      const text = truncate(`${columns(change)}  ${word} …`, (look.width ?? 80) - 2);
      return `${paint(look, 'cyan', '•')} ${text}`;
    },
  };
}
