import type { Change } from '../../reconciler/types.ts';
import { renderDiff } from './diff.ts';
import type { Look } from './text.ts';

/** A file as it is in force and as it will be; null where there is none. */
export interface FileChange {
  before: string | null;
  after: string | null;
}

export interface DiffOptions extends Look {
  /** Show the command of each step, and diffs at full length. */
  verbose: boolean;
  /** Contents of a repository file; undefined: no diff is shown. */
  fileChange?: (file: string) => FileChange | undefined;
}

/** Longer diffs are cut, unless asked for: a plan has to fit on a screen. */
const shownLines = 12;

/** What changes in the mounted files of a stack, below its reasons. Never a secret's file, never a binary one. */
export function fileDiffLines(change: Change, options: DiffOptions): string[] {
  const files = change.reasons.flatMap(({ field, from, to, origin }) => {
    const isSecret = from?.startsWith('#') || to?.startsWith('#');
    return field !== 'file' || origin === undefined || isSecret ? [] : [origin.file];
  });
  return [...new Set(files)].flatMap((file) => diffOf(file, options)).map((line) => `      ${line}`);
}

function diffOf(file: string, options: DiffOptions): string[] {
  const contents = options.fileChange?.(file);
  if (contents === undefined || isBinary(contents)) return [];
  // The reason above names the file already.
  const lines = renderDiff(contents.before, contents.after, file, options).trimEnd().split('\n').slice(2);
  const room = options.verbose ? lines.length : shownLines;
  const rest = lines.length - room;
  return rest > 0 ? [...lines.slice(0, room), `… ${rest} more lines: steward plan -v`] : lines;
}

function isBinary({ before, after }: FileChange): boolean {
  return before?.includes('\0') === true || after?.includes('\0') === true;
}
