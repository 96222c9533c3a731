import { createLogUpdate } from 'log-update';
import type { ApplyEvent } from '../../reconciler/apply-plan.ts';
import type { Change, ChangeVerb, Outcome } from '../../reconciler/types.ts';
import { stepText } from './backup-step.ts';
import { type Columns, columnsOf } from './columns.ts';
import { errorLines, outcomeLine } from './outcomes.ts';
import { joinLines, type Look, lookOf, paint, truncate } from './text.ts';

export type ProgressEvent = ApplyEvent;

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
      } else active.set(event.change.id, lines.active(event));
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

function wordOf(event: Exclude<ProgressEvent, { type: 'finished' }>): string {
  if (event.type === 'waiting') return 'waiting until it is healthy';
  const { change } = event;
  return event.type === 'step' && change.background !== undefined
    ? stepText(change, event.step)
    : present[change.verb];
}

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
    active(event: Exclude<ProgressEvent, { type: 'finished' }>): string {
      const { change } = event;
      const word = wordOf(event);
      const text = truncate(`${columns(change)}  ${word} …`, (look.width ?? 80) - 2);
      return `${paint(look, 'cyan', '•')} ${text}`;
    },
  };
}
