import { createLogUpdate } from 'log-update';
import type { StepProgress } from '../../reconciler/apply/types.ts';
import type { ApplyEvent } from '../../reconciler/apply-plan.ts';
import type { Change, Notice, Outcome, Step } from '../../reconciler/types.ts';
import { printJsonLine } from '../terminal.ts';
import { progressText, stepName, stepText } from './backup-step.ts';
import { joinLines, type Look, lookOf, paint, safe, truncate } from './text.ts';
import { duration } from './time.ts';

/** A backup as it goes on: a live line on a terminal, a line a step on a pipe, JSON lines for programs. */
export interface BackupEvents {
  begin(group: Change[]): void;
  event(event: ApplyEvent): void;
  /** What could not even be begun. */
  blocked(notices: Notice[]): void;
  end(outcomes: Outcome[]): void;
}

export function backupEvents(output: 'text' | 'json', stream: NodeJS.WriteStream): BackupEvents {
  if (output === 'json') return jsonEvents();
  const look = lookOf(stream);
  return look.width === null ? pipedEvents(stream, look) : liveEvents(stream, look);
}

/** At most this often while one step goes on. */
const everyMs = 1_000;

/** When each step began, to say how fast it is. */
function timers() {
  const began = new Map<string, number>();
  const told = new Map<string, number>();
  return {
    elapsed(change: Change, step: number, progress: StepProgress | null): number {
      const key = `${change.id} ${step}`;
      const now = performance.now();
      if (progress === null || !began.has(key)) began.set(key, now);
      return now - (began.get(key) ?? now);
    },
    isDue(change: Change): boolean {
      const now = performance.now();
      if (now - (told.get(change.id) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
      told.set(change.id, now);
      return true;
    },
  };
}

function jsonEvents(): BackupEvents {
  const time = timers();
  return {
    begin() {},
    event(event) {
      if (event.type === 'finished') printJsonLine(finishedJson(event.outcome));
      if (event.type !== 'step') return;
      const { change, step, progress } = event;
      const elapsedMs = time.elapsed(change, step, progress);
      if (progress !== null && !time.isDue(change)) return;
      const speed = progress === null ? {} : progressText(change, step, progress, elapsedMs).numbers;
      printJsonLine({ event: 'step', id: change.id, step: stepName(change, step), ...speed });
    },
    blocked(notices) {
      for (const { id, state, reasons } of notices) printJsonLine({ event: 'blocked', id, state, reasons });
    },
    end() {},
  };
}

function finishedJson({ change, result, error, durationMs, downtimeMs, notes = [] }: Outcome) {
  const times = { durationMs: Math.round(durationMs), downtimeMs: Math.round(downtimeMs) };
  return { event: 'finished', id: change.id, result, error, ...times, notes };
}

function pipedEvents(stream: NodeJS.WriteStream, look: Look): BackupEvents {
  return {
    begin() {},
    event(event) {
      if (event.type === 'finished') stream.write(joinLines(outcomeLines(event.outcome, look)));
      if (event.type === 'step' && event.progress === null)
        stream.write(`${safe(event.change.name)}: ${stepText(event.change, event.step)}\n`);
    },
    blocked: (notices) => writeBlocked(notices, stream, look),
    end() {},
  };
}

function liveEvents(stream: NodeJS.WriteStream, look: Look): BackupEvents {
  const update = createLogUpdate(stream);
  const time = timers();
  const draw = (text: string) => update(truncate(text, (look.width ?? 80) - 1));
  return {
    begin() {},
    event(event) {
      if (event.type === 'finished') {
        update.clear();
        stream.write(joinLines(outcomeLines(event.outcome, look)));
      }
      if (event.type !== 'step') return;
      const { change, step, progress } = event;
      const elapsedMs = time.elapsed(change, step, progress);
      const text =
        progress === null ? stepText(change, step) : progressText(change, step, progress, elapsedMs).text;
      draw(`${paint(look, 'cyan', '•')} ${safe(change.name)}  ${text}`);
    },
    blocked(notices) {
      update.clear();
      writeBlocked(notices, stream, look);
    },
    end() {
      update.clear();
      update.done();
    },
  };
}

function outcomeLines(
  { change, result, error, durationMs, downtimeMs, notes = [] }: Outcome,
  look: Look,
): string[] {
  const sign = result === 'applied' ? paint(look, 'green', '✓') : paint(look, 'red', '✗');
  const what = change.kind === 'backup' ? verbOf(change) : 'ready';
  const word = result === 'applied' ? what : result;
  const down = downtimeMs > 0 ? `, down ${duration(downtimeMs)}` : '';
  const kind = change.kind === 'backup' ? '' : `${change.kind} `;
  return [
    `${sign} ${kind}${safe(change.name)}  ${word} in ${duration(durationMs)}${down}`,
    ...(error === null ? [] : [`    ${paint(look, 'red', safe(error))}`]),
    ...notes.map((text) => `    ${paint(look, 'yellow', safe(text))}`),
  ];
}

function verbOf({ rescue, steps }: Change): string {
  const has = (op: Step['op']) => steps.some((step) => step.op === op);
  if (has('borg-extract-to')) return 'extracted';
  if (!has('borg-create') && has('borg-delete')) return 'deleted';
  if (rescue === undefined) return has('borg-extract') ? 'recovered' : 'backed up';
  return has('zfs-rollback') ? 'is what it was before the restore,' : 'restored';
}

function writeBlocked(notices: Notice[], stream: NodeJS.WriteStream, look: Look): void {
  for (const { name, reasons } of notices) {
    const why = reasons.map(({ note }) => safe(note ?? '')).join('; ');
    stream.write(`${paint(look, 'red', '✗')} ${safe(name)}  not backed up\n    ${paint(look, 'red', why)}\n`);
  }
}
