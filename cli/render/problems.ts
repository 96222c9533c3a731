import type { PolicyFinding, Problem } from '../../desired-state/types.ts';
import { joinLines, type Look, paint, plural, safe, truncate, widthOf, wrap } from './text.ts';

/** As a compiler shows them: place, message, the line with a caret, what to write instead; last the count. */
export function renderProblems(
  problems: Problem[],
  sources: (file: string) => string | undefined,
  look: Look = { color: false, width: null },
): string {
  if (problems.length === 0) return joinLines([paint(look, 'green', 'No problems.')]);
  const blocks = problems.flatMap((problem) => [...block(problem, sources(problem.file), look), '']);
  return joinLines([...blocks, paint(look, 'bold', count(problems))]);
}

function block(problem: Problem, source: string | undefined, look: Look): string[] {
  const { file, line, column, severity, message, fix } = problem;
  const style = severity === 'error' ? 'red' : 'yellow';
  const place = paint(look, 'bold', `${safe(file)}:${line}:${column}`);
  const head = `${place}: ${paint(look, style, label(problem))}: ${safe(message)}`;
  const advice = fix === undefined ? [] : hanging(`${paint(look, 'green', 'fix')}: ${safe(fix)}`, look);
  const [first = '', ...rest] = hanging(head, look);
  const excerptLines = excerpt(problem, source, look);
  return [first.trimStart(), ...rest, ...excerptLines, ...advice];
}

/** Below the left edge by two. What is painted in `text` holds no spaces, so that it is not broken apart. */
function hanging(text: string, { width }: Look): string[] {
  return wrap(text, width === null ? Number.POSITIVE_INFINITY : width - 2).map((line) => `  ${line}`);
}

function excerpt(problem: Problem, source: string | undefined, look: Look): string[] {
  const raw = source?.split(/\r?\n/)[problem.line - 1];
  const gutter = String(problem.line);
  const blank = ' '.repeat(gutter.length);
  if (raw === undefined) return problem.text === undefined ? [] : [`  ${blank} | ${safe(problem.text)}`];
  const before = safe(raw.slice(0, problem.column - 1));
  const marked = raw.slice(problem.column - 1).startsWith(problem.text ?? '\0') ? (problem.text ?? '') : '';
  const room = look.width === null ? null : Math.max(20, look.width - gutter.length - 5);
  const offset = widthOf(before);
  const end = room === null ? Number.POSITIVE_INFINITY : room;
  if (offset >= end) return [`  ${gutter} | ${truncate(safe(problem.text ?? raw.trim()), room)}`];
  const length = Math.max(1, Math.min(widthOf(safe(marked)), end - offset));
  const caret = paint(look, problem.severity === 'error' ? 'red' : 'yellow', '^'.repeat(length));
  return [`  ${gutter} | ${truncate(safe(raw), room)}`, `  ${blank} | ${' '.repeat(offset)}${caret}`];
}

function count(problems: Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const parts = [
    ...(errors === 0 ? [] : [plural(errors, 'error')]),
    ...(warnings === 0 ? [] : [plural(warnings, 'warning')]),
  ];
  const files = plural(new Set(problems.map(({ file }) => file)).size, 'file');
  return `${parts.join(', ')} in ${files}${effect(problems)}`;
}

/** An error of the configuration holds the whole commit back, one of the policy its service. */
function effect(problems: (Problem | PolicyFinding)[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return '';
  if (errors.some((problem) => !('service' in problem))) return ' · nothing is changed on the host';
  return ' · these services are left as they are';
}

function label(problem: Problem): string {
  return problem.rule !== undefined ? `${problem.severity} (${problem.rule})` : problem.severity;
}
