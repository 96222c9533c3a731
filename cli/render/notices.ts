import { kinds } from '../../desired-state/types.ts';
import type { Notice, Reason } from '../../reconciler/types.ts';
import { assertNever } from '../../tools/assert-never.ts';
import { isSentence, placeOf, reasonLines, reasonText } from './reason.ts';
import type { Row } from './row.ts';
import { type Look, paint, type Style, widthOf, wrap } from './text.ts';

/**
 * What is held back, and what is to be known. When Docker is down, everything is held back for one and the same
 * reason: neighbours with the same lines below them share these, so that the cause is read once.
 */
export function noticeRows(notices: Notice[], options: Look & { verbose: boolean }): Row[] {
  const rows = notices.map((notice) => {
    const below = belowOf(notice, options);
    return { ...row(notice, below.reasons.length > 0), below: [...below.reasons, ...below.advice] };
  });
  return grouped(rows, notices).map((each, index, all) =>
    each.below.join('\n') === all[index + 1]?.below.join('\n') ? { ...each, below: [] } : each,
  );
}

/** Causes come before what waits for them, since needs follow the order of kinds; equal lines stand together. */
function grouped(rows: Row[], notices: Notice[]): Row[] {
  const rank = (index: number) => kinds.indexOf(notices[index]?.kind ?? 'group');
  const order = rows.map((_, index) => index).sort((a, b) => rank(a) - rank(b) || a - b);
  const groups = new Map<string, Row[]>();
  for (const index of order) {
    const each = rows[index] as Row;
    const key = `${each.sign}${each.below.join('\n')}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].flat();
}

function row(notice: Notice, isToldBelow: boolean): Row {
  const { kind, name, reasons, verb } = notice;
  const [sign, style]: [string, Style] = verb === 'blocked' ? ['=', 'red'] : ['!', 'cyan'];
  const [first] = reasons;
  const summary = isToldBelow || first === undefined ? words(notice) : told(notice, first);
  return { kind, name, sign, style, summary, below: [] };
}

/** `orphaned since 9d1e044; data kept`, `blocked: waits for …`: the word for the state is not said twice. */
function told(notice: Notice, reason: Reason): string {
  const place = reason.origin === undefined ? '' : `  ${placeOf(reason.origin)}`;
  const text = `${reasonText(reason)}${place}`;
  if (text.startsWith('waits for ')) return `${notice.verb}: ${text}`;
  return text.startsWith(words(notice)) ? text : `${words(notice)}: ${text}`;
}

function words({ verb, state }: Notice): string {
  const word = state.replaceAll('-', ' ');
  return verb === 'blocked' && state !== 'degraded' ? `blocked (${word})` : word;
}

const shortNote = 60;

function belowOf(
  notice: Notice,
  options: Look & { verbose: boolean },
): { reasons: string[]; advice: string[] } {
  const advice = notice.verb === 'blocked' ? adviceLines(notice, options) : [];
  const reasons = options.verbose ? notice.reasons : notice.reasons.filter(isTelling);
  const [first] = reasons;
  const roomy = options.width === null || options.width >= 100;
  const fits = first?.note !== undefined && isSentence(first) && widthOf(first.note) <= shortNote;
  if (reasons.length === 1 && roomy && fits) return { reasons: [], advice };
  return { reasons: reasonLines(reasons, options), advice };
}

/** What would be new in a stack that waits is for those who ask. */
function isTelling({ from, note }: Reason): boolean {
  return from !== null || note !== undefined;
}

function adviceLines(notice: Notice, look: Look): string[] {
  const text = adviceFor(notice);
  if (text === null) return [];
  const lines = look.width === null ? [text] : wrap(text, Math.max(8, look.width - 6));
  return lines.map((line, index) => `    ${paint(look, 'dim', `${index === 0 ? '→' : ' '} ${line}`)}`);
}

/** What comes next. The reason itself says what a person can do about it. */
function adviceFor({ state, kind }: Notice): string | null {
  switch (state) {
    case 'unknown':
      return 'left as it is until that is known; Steward looks again by itself';
    case 'waiting':
      return 'goes on by itself once what it needs is there';
    case 'conflict':
      return 'left as it is until that is mended, on the host or in Git';
    case 'refused':
      return 'Steward does not do this by itself; do it by hand, or change Git';
    case 'backing-off':
      return kind === 'backup' || kind === 'borg-repository'
        ? 'is tried again by itself; `steward backup run` does it at once'
        : 'is tried again by itself; a new commit is tried at once';
    case 'policy':
      return 'left as it is until that is mended, or allowed with a reason in service.yaml (docs/policy.md)';
    case 'degraded':
      return 'it is as Git says: deploying it again would not help';
    case 'stalled':
    case 'orphaned':
    case 'suspended':
    case 'key-not-exported':
    case 'not-in-git':
    case 'running':
      return null;
    default:
      return assertNever(state);
  }
}
