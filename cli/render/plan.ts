import type { Change, ChangeVerb, Plan, Step } from '../../reconciler/types.ts';
import { assertNever } from '../../tools/assert-never.ts';
import { outlookLines } from './backup-outlook.ts';
import { type DiffOptions, fileDiffLines } from './file-diffs.ts';
import { noticeRows } from './notices.ts';
import { policyLines } from './policy.ts';
import { placeOf, reasonLines, reasonText } from './reason.ts';
import { type Row, tableLines } from './row.ts';
import { summaryLine } from './summary.ts';
import { joinLines, type Look, paint, type Style, safe, truncate, widthOf, wrap } from './text.ts';
import { relative } from './time.ts';
import type { BackupStatus } from './types.ts';

export interface PlanOptions extends DiffOptions {
  /** Milliseconds since the epoch. */
  now: number;
  /** Where the storage is mounted: directories below it are shown short. */
  mountpoint?: string;
  commandOf: (step: Step) => string;
  /** Of all backups, also those that there is nothing to do for. */
  backups?: BackupStatus[];
}

/** A plan as people read it: what, why, what is held back, and the count. Ends in a line break. */
export function renderPlan(plan: Plan, options: PlanOptions): string {
  const rows = [
    ...plan.changes.map((change) => changeRow(change, options)),
    ...noticeRows(plan.blocked, options),
    ...noticeRows(plan.reports, options),
  ];
  const warnings = plan.problems.flatMap((problem) => problemLines(problem, options));
  const table = tableLines(rows, options, options.mountpoint);
  const policy = policyLines(plan.policy, options);
  const outlook = outlookLines(options.backups ?? [], options).flatMap((line) => wrapped(line, options));
  const all = [heldLines(plan, options), table, warnings, policy, outlook];
  const blocks = all.filter((block) => block.length > 0);
  const last = wrapped(summaryLine(plan, options), options);
  const parts = [[headerLine(plan, options)], ...blocks, last];
  return joinLines(parts.flatMap((block, index) => (index === 0 ? block : ['', ...block])));
}

/** The whole text stands in one style, so that it can be broken after it was painted. */
function wrapped(text: string, { width }: Look): string[] {
  return width === null ? [text] : wrap(text, width);
}

function headerLine({ commit }: Plan, options: PlanOptions): string {
  const id = safe(commit.id.slice(0, 7));
  const tail = `(${safe(commit.branch)}, ${relative(Date.parse(commit.committedAt), options.now)})`;
  const room = options.width === null ? null : Math.max(10, options.width - widthOf(id) - widthOf(tail) - 4);
  const subject = truncate(safe(commit.subject), room);
  return `${paint(options, 'yellow', id)} "${subject}" ${paint(options, 'dim', tail)}`;
}

function heldLines({ held }: Plan, look: Look): string[] {
  if (held === null) return [];
  const text = `held: ${held.note === undefined ? reasonText(held) : safe(held.note)}`;
  const lines = wrapped(text, { ...look, width: look.width === null ? null : look.width - 4 });
  return lines.map((line, index) => paint(look, ['yellow', 'bold'], `${index === 0 ? '=' : '   '} ${line}`));
}

function changeRow(change: Change, options: PlanOptions): Row {
  const { kind, name, verb, summary } = change;
  const reasons = options.verbose ? change.reasons : change.reasons.filter((each) => isWorth(each, change));
  const commands = options.verbose
    ? change.steps.map((step) => `    $ ${safe(options.commandOf(step))}`)
    : [];
  const below = [
    ...reasonLines(reasons, options),
    ...fileDiffLines(change, options),
    ...commands.map((line) => paint(options, 'dim', line)),
  ];
  return { kind, name, ...signOf(verb), summary: safe(summary), below };
}

/** What is new or goes is so because Git says so, and a summary need not be repeated: that is for those who ask. */
function isWorth({ note }: Change['reasons'][number], { verb, summary }: Change): boolean {
  if (verb === 'create' || verb === 'delete') return false;
  return note === undefined || !summary.includes(note);
}

function signOf(verb: ChangeVerb): { sign: string; style: Style } {
  switch (verb) {
    case 'create':
      return { sign: '+', style: 'green' };
    case 'update':
      return { sign: '~', style: 'yellow' };
    case 'replace':
      return { sign: '±', style: 'magenta' };
    case 'delete':
      return { sign: '-', style: 'red' };
    case 'run':
      return { sign: '>', style: 'cyan' };
    default:
      return assertNever(verb);
  }
}

function problemLines(problem: Plan['problems'][number], look: Look): string[] {
  const style = problem.severity === 'error' ? 'red' : 'yellow';
  const text = `${problem.severity}: ${placeOf(problem)}: ${safe(problem.message)}`;
  const fix = problem.fix === undefined ? [] : wrapped(`fix: ${safe(problem.fix)}`, narrower(look));
  return [
    ...wrapped(text, look).map((line) => paint(look, style, line)),
    ...fix.map((line) => `    ${line}`),
  ];
}

function narrower({ color, width }: Look): Look {
  return { color, width: width === null ? null : Math.max(8, width - 4) };
}
