import type { Origin, Problem } from './types.ts';

/** An error at a place. */
export function errorAt(origin: Origin, message: string, fix?: string, text?: string): Problem {
  return problem('error', origin, message, fix, text);
}

/** A warning at a place: it does not hold the commit back. */
export function warningAt(origin: Origin, message: string, fix?: string, text?: string): Problem {
  return problem('warning', origin, message, fix, text);
}

function problem(
  severity: Problem['severity'],
  origin: Origin,
  message: string,
  fix: string | undefined,
  text: string | undefined,
): Problem {
  const { file, line, column } = origin;
  return {
    file,
    line,
    column,
    severity,
    message,
    ...(text === undefined ? {} : { text }),
    ...(fix === undefined ? {} : { fix }),
  };
}

/** In the order of a reader: by file, line, column; the same problem once. */
export function sortProblems<P extends Problem>(problems: readonly P[]): P[] {
  const unique = new Map(problems.map((item) => [`${place(item)}:${item.message}`, item]));
  return [...unique.values()].sort(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.message, b.message),
  );
}

/** `file:line:column`, as editors and terminals make it a link. */
export function place(origin: Origin): string {
  return `${origin.file}:${origin.line}:${origin.column}`;
}

/** Plain code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
