import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { sortProblems } from '../../desired-state/problems.ts';
import { checkTree } from '../../desired-state/repository.ts';
import type { DesiredState, LoadResult } from '../../desired-state/types.ts';
import { validateDirectory } from '../../desired-state/validate.ts';
import { UserError } from '../errors.ts';
import { notIgnored } from '../git-ignored.ts';
import { sourcesIn } from '../print-cycle.ts';
import { exceptionLines, loweredLines } from '../render/policy.ts';
import { renderProblems } from '../render/problems.ts';
import { type SarifInput, sarifLog } from '../render/sarif.ts';
import { lookOf, plural, safe, wrap } from '../render/text.ts';
import { note, printJson } from '../terminal.ts';
import { version } from '../version.ts';

interface ValidateFlags {
  output: 'text' | 'json' | 'sarif';
  compose: string;
  strict?: boolean;
}

/** A directory as it is, committed or not. Exit 0: valid, with --strict without a warning. 1: not. */
export async function validate(directory: string, flags: ValidateFlags): Promise<number> {
  const root = resolve(directory);
  if (!existsSync(join(root, 'lab.yaml'))) {
    throw new UserError(`${root} has no lab.yaml: it is not a config repository (steward init writes one)`);
  }
  const compose = await readerFor(flags.compose);
  const links = await notIgnored(root, await checkTree(root));
  const result: LoadResult =
    links.length > 0 ? { ok: false, problems: links } : await validateDirectory(root, { compose });
  const found = foundIn(result);
  const judgement = judge(found, flags.strict === true);
  if (flags.output === 'json') printJson(jsonOf(result, found, compose, judgement));
  else if (flags.output === 'sarif')
    printJson(sarifLog({ version: version(), folder: folderOf(root), ...found }));
  else printText(result, found, compose, { root, judgement });
  return judgement.valid ? 0 : 1;
}

/** The exit code, the words for people and the JSON all go by it. */
interface Judgement {
  valid: boolean;
  /** Services that break a rule of the policy whose weight is an error. */
  heldBack: string[];
  /** Those that count: with --strict. */
  warnings: number;
}

type Found = Omit<SarifInput, 'version' | 'folder'>;

/** Relative to the Git repository that the lab is in; empty where it is the whole of it, or in none. */
function folderOf(root: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return relative(folder, root);
    if (dirname(folder) === folder) return '';
  }
}

function foundIn(result: LoadResult): Found {
  if (!result.ok) return { problems: result.problems, findings: [], exceptions: [] };
  return { problems: result.state.warnings, ...result.state.policy };
}

function judge({ problems, findings }: Found, isStrict: boolean): Judgement {
  const all = [...problems, ...findings];
  const errors = all.filter(({ severity }) => severity === 'error');
  const held = findings.filter(({ severity }) => severity === 'error').map(({ service }) => service);
  const warnings = isStrict ? all.length - errors.length : 0;
  return { valid: errors.length + warnings === 0, heldBack: [...new Set(held)], warnings };
}

function jsonOf(
  result: LoadResult,
  { problems, ...policy }: Found,
  compose: ComposeReader,
  { valid, heldBack }: Judgement,
) {
  const notActedOn = result.ok ? result.state.notActedOn : [];
  return { valid, heldBack, compose: compose.name, problems, policy, notActedOn };
}

function printText(
  result: LoadResult,
  found: Found,
  compose: ComposeReader,
  { root, judgement }: { root: string; judgement: Judgement },
): void {
  const problems = sortProblems([...found.problems, ...found.findings]);
  const look = lookOf(process.stdout);
  if (problems.length > 0) process.stdout.write(renderProblems(problems, sourcesIn([root]), look));
  if (!result.ok) return;
  const { services, resources, notActedOn } = result.state;
  const width = look.width ?? Number.POSITIVE_INFINITY;
  for (const line of waitingParts(notActedOn)) process.stdout.write(`${wrap(line, width).join('\n  ')}\n`);
  for (const line of closedParts(result.state)) process.stdout.write(`${wrap(line, width).join('\n  ')}\n`);
  for (const line of loweredLines(result.state.policy, look)) process.stdout.write(`${line}\n`);
  for (const line of exceptionLines(found, look)) process.stdout.write(`${line}\n`);
  const what = `${plural(services.length, 'service')}, ${plural(resources.length, 'resource')} (read with ${compose.name})`;
  process.stdout.write(`${verdict(judgement)} ${what}.\n`);
}

function verdict({ heldBack, warnings }: Judgement): string {
  if (heldBack.length > 0) return `Held back: ${heldBack.map(safe).join(', ')}, of`;
  return warnings === 0 ? 'Valid:' : `Not enough for --strict: ${plural(warnings, 'warning')}, in`;
}

/** A checkout is checked without keys: what only an encrypted file may set is taken as set. */
function closedParts({ resources }: DesiredState): string[] {
  const names = resources.flatMap((each) =>
    each.kind === 'compose-stack' && each.locked !== undefined ? [each.name] : [],
  );
  return names.length === 0 ? [] : [safe(`not opened here: encrypted files (${names.join(', ')})`)];
}

/** `not acted on yet: routes (git, photo)`: a line a part, however many services have it. */
function waitingParts(parts: DesiredState['notActedOn']): string[] {
  const holders = new Map<string, string[]>();
  for (const { part, service } of parts) {
    holders.set(part, [...(holders.get(part) ?? []), service]);
  }
  return [...holders].map(([part, names]) => safe(`not acted on yet: ${part} (${names.join(', ')})`));
}

/** auto: the real compose where there is one, else our own. */
async function readerFor(choice: string): Promise<ComposeReader> {
  const memory = new Map<string, string>();
  const cache = {
    get: (key: string) => memory.get(key),
    set: (key: string, value: string) => void memory.set(key, value),
  };
  if (choice === 'auto' || choice === 'docker') {
    try {
      const { dockerComposeReader } = await import('../../desired-state/compose/docker-compose.ts');
      return await dockerComposeReader({ cache });
    } catch (error) {
      if (choice === 'docker') throw error;
      note(
        `No docker compose here (${(error as Error).message}): Steward reads the compose files by itself.`,
      );
    }
  } else if (choice !== 'built-in') {
    throw new UserError(`--compose ${choice}: it is auto, docker or built-in`);
  }
  const { builtInReader } = await import('../../desired-state/compose/built-in.ts');
  return builtInReader();
}
