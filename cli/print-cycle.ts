import type { Problem } from '../desired-state/types.ts';
import { commandOf } from '../reconciler/apply/command.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import type { Plan } from '../reconciler/types.ts';
import type { FileChange } from './render/file-diffs.ts';
import { renderOutcomes } from './render/outcomes.ts';
import { renderPlan } from './render/plan.ts';
import { planJson } from './render/plan-json.ts';
import { renderProblems } from './render/problems.ts';
import { lookOf, safe } from './render/text.ts';
import type { BackupStatus } from './render/types.ts';
import { readSource } from './source-text.ts';
import { note, printJson } from './terminal.ts';

export interface PrintOptions {
  output: 'text' | 'json';
  verbose?: boolean;
  nowMs: number;
  /** Where the files of problems can be read, to show the offending line. */
  sourceRoots: string[];
  /** What became of each change was shown while it went on. */
  isTold?: boolean;
  /** What is told of all backups beside the plan. */
  backups?: BackupStatus[];
}

export function printPlan(plan: Plan, cycle: Pick<Cycle, 'desired'>, options: PrintOptions): void {
  const mountpoint = cycle.desired?.storage?.mountpoint;
  const look = lookOf(process.stdout);
  const shown = {
    ...look,
    now: options.nowMs,
    verbose: options.verbose === true,
    commandOf,
    fileChange: fileChangeIn(options.sourceRoots),
    ...(mountpoint === undefined ? {} : { mountpoint }),
    ...(options.backups === undefined ? {} : { backups: options.backups }),
  };
  process.stdout.write(renderPlan(plan, shown));
}

/** Everything about a cycle that is over; `dry` says that nothing was to be applied. */
export function printCycle(cycle: Cycle, options: PrintOptions & { dry: boolean }): void {
  if (cycle.fetchError !== null) note(fetchNote(cycle));
  if (options.output === 'json') printJson(cycleJson(cycle, options.backups));
  else {
    if (!options.dry && cycle.outcomes.length > 0) printOutcomes(cycle, options);
    if (cycle.plan === null) printNoPlan(cycle, options);
    else if (options.dry) printPlan(cycle.plan, cycle, options);
  }
}

function printOutcomes({ desired, outcomes }: Cycle, { isTold = false }: PrintOptions): void {
  const mountpoint = desired?.storage?.mountpoint;
  const shown = { isTold, ...(mountpoint === undefined ? {} : { mountpoint }) };
  process.stdout.write(`\n${renderOutcomes(outcomes, lookOf(process.stdout), shown)}`);
}

function fetchNote(cycle: Cycle): string {
  const still = cycle.commit === null ? '' : `; ${cycle.commit.id.slice(0, 7)} stays in force`;
  return `steward: ${cycle.fetchError}${still}`;
}

function printNoPlan(cycle: Cycle, options: PrintOptions): void {
  if (cycle.commit === null) {
    note('steward: there is no commit to reconcile');
    return;
  }
  if (cycle.loadError !== null) {
    note(`steward: ${cycle.loadError}, so that the commit could not be read; nothing was changed`);
    return;
  }
  const commit = `${cycle.commit.id.slice(0, 7)} "${safe(cycle.commit.subject)}"`;
  if (cycle.result === 'held') {
    note(`steward: ${commit} is held, and there is none before it to go by; steward plan says more`);
    return;
  }
  process.stdout.write(
    renderProblems(cycle.problems, sourcesIn(options.sourceRoots), lookOf(process.stdout)),
  );
  const what = cycle.outcomes.length === 0 ? 'Nothing' : 'Nothing else';
  process.stdout.write(`${what} was changed: ${commit} is not valid.\n`);
}

export function cycleJson(cycle: Cycle, backups: BackupStatus[] = []) {
  const outcomes = cycle.outcomes.map(({ change, result, error, durationMs, downtimeMs }) => {
    const times = { durationMs: Math.round(durationMs), downtimeMs: Math.round(downtimeMs) };
    return { id: change.id, verb: change.verb, result, error, ...times };
  });
  if (cycle.plan === null) {
    const { result, commit, problems, fetchError, refused, loadError } = cycle;
    return { result, commit, problems, fetchError, refused, loadError, changes: [], blocked: [], outcomes };
  }
  const { result, fetchError, refused } = cycle;
  const told = backups.length === 0 ? {} : { backups };
  return { ...planJson(cycle.plan, commandOf), ...told, result, fetchError, refused, outcomes };
}

/** What is in force against what is to be: the checkout is the last of the roots, staging the first. */
function fileChangeIn(roots: string[]): (file: string) => FileChange | undefined {
  const [staging, checkout] = [roots.at(0), roots.at(-1)];
  return (file) => {
    if (staging === undefined || checkout === undefined || staging === checkout) return undefined;
    const before = readSource([checkout], file) ?? null;
    return { before, after: readSource([staging], file) ?? null };
  };
}

/** Reads each file once; undefined where it cannot be read. */
export function sourcesIn(roots: string[]): (file: Problem['file']) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (file) => {
    if (!known.has(file)) known.set(file, readSource(roots, file));
    return known.get(file);
  };
}
