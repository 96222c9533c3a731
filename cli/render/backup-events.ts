import { createLogUpdate } from 'log-update';
import type { StepProgress } from '../../reconciler/apply/types.ts';
import type { ApplyEvent } from '../../reconciler/apply-plan.ts';
import { isIncomplete } from '../../reconciler/backup/change.ts';
import { isPrunedNote } from '../../reconciler/notes.ts';
import type { PartEnd } from '../../reconciler/part-types.ts';
import { partAt } from '../../reconciler/parts.ts';
import type { Change, Notice, Outcome, Step } from '../../reconciler/types.ts';
import { printJsonLine } from '../terminal.ts';
import { progressText, stepName, stepText } from './backup-step.ts';
import { joinLines, type Look, lookOf, paint, safe, truncate } from './text.ts';
import { duration } from './time.ts';

/** A backup as it goes on: a live line on a terminal, a line a step on a pipe, JSON lines for programs. */
export interface BackupEvents {
  event(event: ApplyEvent): void;
  /** What could not even be begun. */
  blocked(notices: Notice[]): void;
  end(outcomes: Outcome[]): void;
}

/** `missed`: what a service that is blocked did not get. */
export function backupEvents(
  output: 'text' | 'json',
  stream: NodeJS.WriteStream,
  missed = 'not backed up',
): BackupEvents {
  if (output === 'json') return jsonEvents();
  const look = lookOf(stream);
  return look.width === null ? pipedEvents(stream, look, missed) : liveEvents(stream, look, missed);
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
    event(event) {
      if (event.type === 'finished') printJsonLine(finishedJson(event.outcome));
      if (event.type !== 'step') return;
      const { change, step, progress } = event;
      const elapsedMs = time.elapsed(change, step, progress);
      if (progress !== null && !time.isDue(change)) return;
      const speed = progress === null ? {} : progressText(change, step, progress, elapsedMs).numbers;
      const part = partAt(change, step);
      const whose = part === null ? {} : { service: part.service };
      printJsonLine({ event: 'step', id: change.id, ...whose, step: stepName(change, step), ...speed });
    },
    blocked(notices) {
      for (const { id, state, reasons } of notices) printJsonLine({ event: 'blocked', id, state, reasons });
    },
    end() {},
  };
}

function finishedJson({ change, result, error, durationMs, downtimeMs, notes = [], parts }: Outcome) {
  const times = { durationMs: Math.round(durationMs), downtimeMs: Math.round(downtimeMs) };
  const each = parts === undefined ? {} : { services: parts };
  const { archive, folder } = takenFrom(change) ?? {};
  const undo = result === 'applied' ? wayBack(change) : null;
  const from = {
    ...(archive === undefined ? {} : { archive }),
    ...(folder === undefined ? {} : { folder }),
    ...(undo === null ? {} : { undo }),
  };
  return { event: 'finished', id: change.id, result, error, ...from, ...times, notes, ...each };
}

function pipedEvents(stream: NodeJS.WriteStream, look: Look, missed: string): BackupEvents {
  return {
    event(event) {
      if (event.type === 'finished') stream.write(joinLines(outcomeLines(event.outcome, look), look));
      if (event.type === 'step' && event.progress === null)
        stream.write(`${safe(shownName(event.change))}: ${stepText(event.change, event.step)}\n`);
    },
    blocked: (notices) => writeBlocked(notices, missed, stream, look),
    end() {},
  };
}

function liveEvents(stream: NodeJS.WriteStream, look: Look, missed: string): BackupEvents {
  const update = createLogUpdate(stream);
  const time = timers();
  /** What each of those under way is at. */
  const lines = new Map<string, string>();
  return {
    event(event) {
      if (event.type === 'finished') {
        lines.delete(event.outcome.change.id);
        update.clear();
        stream.write(joinLines(outcomeLines(event.outcome, look), look));
      }
      if (event.type !== 'step') return;
      const { change, step, progress } = event;
      const elapsedMs = time.elapsed(change, step, progress);
      const text =
        progress === null ? stepText(change, step) : progressText(change, step, progress, elapsedMs).text;
      const line = `${paint(look, 'cyan', '•')} ${safe(shownName(change))}  ${text}`;
      lines.set(change.id, truncate(line, (look.width ?? 80) - 1));
      update([...lines.values()].join('\n'));
    },
    blocked(notices) {
      update.clear();
      writeBlocked(notices, missed, stream, look);
    },
    end() {
      update.clear();
      update.done();
    },
  };
}

function outcomeLines(
  { change, result, error, durationMs, downtimeMs, notes = [], parts = [] }: Outcome,
  look: Look,
): string[] {
  const done = isIncomplete(change) ? paint(look, 'yellow', '!') : paint(look, 'green', '✓');
  const sign = result === 'applied' ? done : paint(look, 'red', '✗');
  const word = result === 'applied' ? verbOf(change) : result;
  const down = downtimeMs > 0 ? `, down ${duration(downtimeMs)}` : '';
  const isNamed = change.kind === 'backup' || isCheck(change);
  const kind = isNamed ? '' : `${change.kind} `;
  const undo = result === 'applied' ? wayBack(change) : null;
  return [
    `${sign} ${kind}${safe(shownName(change))}  ${word} in ${duration(durationMs)}${down}`,
    ...(undo === null ? [] : [`    what was there before is kept: ${safe(undo)}`]),
    ...(error === null || parts.length > 1 ? [] : [`    ${paint(look, 'red', safe(error))}`]),
    ...(parts.length < 2 ? [] : parts.map((part) => `    ${partLine(part, look)}`)),
    ...notes.map((text) => `    ${paint(look, isPrunedNote(text) ? 'dim' : 'yellow', safe(text))}`),
  ];
}

/** One of several: what it got, or why not. */
function partLine({ service, result, error }: PartEnd, look: Look): string {
  const [sign, style] = result === 'applied' ? (['✓', 'green'] as const) : (['✗', 'red'] as const);
  const text = error === null ? 'backed up' : paint(look, style, safe(error));
  return `${paint(look, style, sign)} ${safe(service)}  ${text}`;
}

function shownName(change: Change): string {
  return isCheck(change) ? (change.service ?? change.name) : change.name;
}

/** Of a repository, which people know by its service. */
function isCheck({ steps }: Change): boolean {
  return steps.some(({ op }) => op === 'borg-check');
}

/** What a change was is told by the first of these steps that it has. */
const verbs: [Step['op'], string][] = [
  ['borg-check', 'checked'],
  ['borg-compare', 'restored for proof, and as it was archived,'],
  ['borg-create', 'backed up'],
  ['borg-delete', 'deleted'],
  ['files-restore', 'is as the snapshot has it,'],
  ['zfs-rollback', 'is what it was before the restore,'],
];

function verbOf(change: Change): string {
  if (isIncomplete(change)) return 'backed up, but not all of its data,';
  const { kind, rescue, steps } = change;
  const found = verbs.find(([op]) => steps.some((step) => step.op === op));
  if (found !== undefined) return found[1];
  if (kind !== 'backup') return 'ready';
  const { archive, folder } = takenFrom(change) ?? { archive: '' };
  if (folder !== undefined) return `extracted ${safe(archive)} to ${safe(folder)}`;
  return rescue === undefined ? 'recovered' : `restored from ${safe(archive)}`;
}

/** Which archive it is of, and the folder of a copy; null for everything else. */
function takenFrom({ steps }: Change): { archive: string; folder?: string } | null {
  return steps.find((step) => step.op === 'borg-extract' || step.op === 'borg-extract-to') ?? null;
}

/** The command that takes a restore back; null where nothing was kept for it. */
function wayBack({ steps, rescue, service }: Change): string | null {
  const isRestore = rescue !== undefined && steps.some(({ op }) => op === 'borg-extract');
  return isRestore ? `steward restore ${service} --undo` : null;
}

function writeBlocked(notices: Notice[], missed: string, stream: NodeJS.WriteStream, look: Look): void {
  for (const { name, reasons } of notices) {
    const why = reasons.map(({ note }) => safe(note ?? '')).join('; ');
    const head = `${paint(look, 'red', '✗')} ${safe(name)}  ${missed}`;
    stream.write(joinLines([head, `    ${paint(look, 'red', why)}`], look));
  }
}
