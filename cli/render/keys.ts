import type { KeyState } from '../../reconciler/backup/key-state.ts';
import { joinLines, type Look, pad, paint, plural, safe, widest } from './text.ts';
import { relative } from './time.ts';

/** What is recorded of one repository's key; times are milliseconds since the epoch, null: never. */
export interface KeyRow {
  service: string;
  repository: string;
  encryption: string;
  state: KeyState['state'];
  exportedAt: number | null;
  folder: string | null;
  fingerprint: string | null;
  /** Why an export is wanted, and how; null where none is. */
  problem: string | null;
}

/** What became of one export. */
export interface KeyOutcome {
  service: string;
  repository: string;
  /** `none`: the repository is not encrypted. */
  result: 'exported' | 'none' | 'failed';
  /** It is another one than the last that was exported. */
  changed: boolean;
  fingerprint: string | null;
  files: { path: string; written: 'new' | 'unchanged' | 'replaced' }[];
  error: string | null;
}

/** A line a repository, and what to do where a key was not exported. */
export function renderKeys(rows: KeyRow[], look: Look & { now: number }): string {
  if (rows.length === 0) return joinLines(['lab.yaml declares no backup, so there are no keys.']);
  const cells = rows.map((row) => [safe(row.service), safe(row.encryption), when(row, look.now)]);
  const widths = [0, 1, 2].map((at) => widest(cells.map((line) => line[at] ?? '')));
  const lines = rows.map(({ repository, problem }, index) => {
    const texts = (cells[index] ?? []).map((text, at) => pad(text, widths[at] ?? 0));
    const mark = problem === null ? paint(look, 'green', '✓') : paint(look, 'red', '✗');
    return `${mark} ${texts.join('  ')}  ${safe(repository)}`;
  });
  const problems = [...new Set(rows.flatMap(({ problem }) => problem ?? []))];
  return joinLines([...lines, ...(problems.length === 0 ? [] : ['', ...problems.map(sentence)])], look);
}

function when({ state, exportedAt, folder }: KeyRow, now: number): string {
  if (state === 'none') return 'not encrypted, no key';
  if (state === 'unknown') return 'not opened yet';
  if (exportedAt === null) return 'never exported';
  const other = state === 'other' ? ', of another repository' : '';
  return `exported ${relative(exportedAt, now)} to ${safe(folder ?? '')}${other}`;
}

function sentence(problem: string): string {
  return `${problem.slice(0, 1).toUpperCase()}${problem.slice(1)}.`;
}

export function renderKeyOutcome(outcome: KeyOutcome, look: Look): string {
  const { service, repository, result, files, error, changed } = outcome;
  const sign = result === 'failed' ? paint(look, 'red', '✗') : paint(look, 'green', '✓');
  const words = {
    exported: `its key opens ${safe(repository)}`,
    none: `${safe(repository)} is not encrypted: there is no key`,
    failed: 'nothing was exported',
  };
  const note =
    'it was changed since its last export: older copies of it do not open it with the new passphrase';
  const lines = [
    `${sign} ${safe(service)}  ${words[result]}`,
    ...files.map(({ path, written }) => `    ${safe(path)}  ${written}`),
    ...(changed ? [`    ${paint(look, 'yellow', note)}`] : []),
    ...(error === null ? [] : [`    ${paint(look, 'red', safe(error))}`]),
  ];
  return joinLines(lines, look);
}

/** What is left to a person. `passphrases`: the files that they are in. */
export function renderKeyTotal(
  outcomes: KeyOutcome[],
  { folder, passphrases }: { folder: string; passphrases: string[] },
): string {
  const exported = outcomes.filter(({ result }) => result === 'exported').length;
  const failed = outcomes.filter(({ result }) => result === 'failed').length;
  const left = failed === 0 ? '' : `, ${failed} not`;
  if (exported === 0) return joinLines(['', `${plural(exported, 'key')} exported${left}.`]);
  const words = passphrases.length === 0 ? '' : ` (${passphrases.map(safe).join(', ')})`;
  return joinLines([
    '',
    `${plural(exported, 'key')} exported${left}. Now copy ${safe(folder)} to another machine and print the`,
    'paper.txt files: what lies on this server alone is lost with it. A key opens nothing without the',
    `passphrase${words}: keep that too, and at another place.`,
  ]);
}
