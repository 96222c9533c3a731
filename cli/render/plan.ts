import type { Change, ChangeVerb, Notice, NoticeState, Plan, Step } from '../../reconciler/types.ts';
import { assertNever } from '../../tools/assert-never.ts';
import { type Named, namer } from './names.ts';
import { placeOf, reasonLines, reasonText } from './reason.ts';
import { summaryLine } from './summary.ts';
import {
  joinLines,
  type Look,
  pad,
  paint,
  type Style,
  safe,
  truncate,
  truncateStart,
  widest,
  widthOf,
} from './text.ts';
import { relative } from './time.ts';

export interface PlanOptions extends Look {
  /** Milliseconds since the epoch. */
  now: number;
  /** Show the command of each step. */
  verbose: boolean;
  /** Where the storage is mounted: directories below it are shown short. */
  mountpoint?: string;
  commandOf: (step: Step) => string;
}

interface Row extends Named {
  sign: string;
  style: Style;
  summary: string;
  below: string[];
}

/** A plan as people read it: what, why, what is held back, and the count. Ends in a line break. */
export function renderPlan(plan: Plan, options: PlanOptions): string {
  const rows = rowsOf(plan, options);
  const warnings = plan.problems.map((problem) => problemLine(problem, options));
  const lines = [...heldLines(plan, options), ...tableLines(rows, options), ...warnings];
  const header = headerLine(plan, options);
  const last = summaryLine(plan, options);
  return joinLines(lines.length === 0 ? [header, '', last] : [header, '', ...lines, '', last]);
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
  const text = `held: ${reasonText(held)}`;
  return [paint(look, ['yellow', 'bold'], `= ${text}`), ''];
}

function rowsOf(plan: Plan, options: PlanOptions): Row[] {
  return [
    ...plan.changes.map((change) => changeRow(change, options)),
    ...plan.blocked.map((notice) => noticeRow(notice, options)),
    ...plan.reports.map((notice) => noticeRow(notice, options)),
  ];
}

function changeRow(change: Change, options: PlanOptions): Row {
  const { kind, name, verb } = change;
  // What is new is there because Git says so: the place in the file is only for those who ask.
  const reasons = verb === 'create' && !options.verbose ? [] : change.reasons;
  const commands = options.verbose
    ? change.steps.map((step) => `    $ ${safe(options.commandOf(step))}`)
    : [];
  const below = [...reasonLines(reasons, options), ...commands.map((line) => paint(options, 'dim', line))];
  return { kind, name, ...signOf(verb), summary: safe(change.summary), below };
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

function noticeRow(notice: Notice, options: PlanOptions): Row {
  const { kind, name, reasons, verb } = notice;
  const style = verb === 'blocked' ? 'red' : 'cyan';
  const [first] = reasons;
  const roomy = options.width === null || options.width >= 100;
  const alone =
    roomy && reasons.length === 1 && first !== undefined && isShort(first.note, first.from, first.to);
  const why = alone ? `: ${reasonText(first)}${first.origin ? `  ${placeOf(first.origin)}` : ''}` : '';
  const below = alone ? [] : reasonLines(reasons, options);
  const advice = verb === 'blocked' ? [`    ${paint(options, 'dim', `→ ${adviceFor(notice.state)}`)}`] : [];
  return {
    kind,
    name,
    sign: verb === 'blocked' ? '=' : '!',
    style,
    summary: `${words(notice)}${why}`,
    below: [...below, ...advice],
  };
}

function isShort(note: string | undefined, from: string | null, to: string | null): boolean {
  return note !== undefined && from === null && to === null && widthOf(note) <= 60;
}

function words(notice: Notice): string {
  return notice.verb === 'blocked' ? `blocked (${notice.state})` : notice.state;
}

function adviceFor(state: NoticeState): string {
  switch (state) {
    case 'unknown':
      return 'its tool did not answer; mend that, and Steward looks again by itself';
    case 'waiting':
      return 'goes on by itself once what it needs is there';
    case 'conflict':
      return 'something else holds what it needs; mend that on the host or in Git';
    case 'refused':
      return 'Steward does not do this by itself; do it by hand, or change Git';
    case 'backing-off':
      return 'is tried again by itself; a new commit tries at once';
    case 'stalled':
      return 'is not tried again by itself; push a mended commit, or `steward retry`';
    case 'degraded':
      return 'is as Git says but not well; look at its logs';
    case 'orphaned':
      return 'its data is kept; put it back into Git, or remove it by hand';
    case 'suspended':
      return 'left alone until `suspend` is taken out of Git';
    default:
      return assertNever(state);
  }
}

function tableLines(rows: Row[], look: PlanOptions): string[] {
  const nameOf = namer(rows, look.mountpoint);
  const kinds = widest(rows.map(({ kind }) => kind));
  const room = look.width === null ? 60 : Math.max(12, Math.floor((look.width - kinds - 6) * 0.6));
  const names = Math.min(widest(rows.map(nameOf)), room);
  return rows.flatMap((row) => {
    const name = look.width === null ? nameOf(row) : truncateStart(nameOf(row), names);
    const head = `${pad(row.kind, kinds)}  ${pad(name, names)}`;
    const left = look.width === null ? null : Math.max(4, look.width - widthOf(head) - 4);
    return [`${paint(look, row.style, row.sign)} ${head}  ${truncate(row.summary, left)}`, ...row.below];
  });
}

function problemLine(problem: Plan['problems'][number], look: Look): string {
  const text = `${problem.severity}: ${placeOf(problem)}: ${safe(problem.message)}`;
  return paint(look, problem.severity === 'error' ? 'red' : 'yellow', truncate(text, look.width));
}
