import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseYaml } from '../locate.ts';
import type { Problem } from '../types.ts';
import { parseEnvFile } from './env-file.ts';
import { filesRead, maxReferences } from './inputs.ts';
import { substitute, type Variables } from './interpolate.ts';
import { Complaint } from './model.ts';
import type { OpenedRequest } from './opened.ts';
import { bounds, TooMuch, tooMuchProblem, within } from './too-much.ts';
import { projectVariables, shownAs } from './variables.ts';

/**
 * What would take compose more memory than the server has, found by our own reading before compose is asked. Of what else
 * is wrong nothing is said here: compose says it better.
 */
export async function growthProblems(request: OpenedRequest): Promise<Problem[]> {
  try {
    const variables = await projectVariables(request, new Set());
    const { compose, texts } = await filesRead(request);
    // More of them are not followed here, and compose would follow them all.
    if (compose.length + texts.length > maxReferences)
      throw new TooMuch(`more than ${maxReferences} files are named by it and what it includes`);
    const longest = await withFiles(request, texts, variables);
    const budget = { left: bounds.project };
    for (const file of compose) await measureFile(request, file, longest, budget);
    return [];
  } catch (error) {
    const first = path.posix.join(request.folder, request.files[0] ?? '');
    if (error instanceof TooMuch) return [tooMuchProblem(error, first)];
    if (error instanceof Complaint) return [];
    throw error;
  }
}

/** Of each name the longest value that any file gives it: which one counts where is compose's affair. */
async function withFiles(request: OpenedRequest, files: string[], project: Variables): Promise<Variables> {
  const more = new Map<string, string>();
  const longest = (name: string) => {
    const [one, other] = [project.get(name), more.get(name)];
    return (one?.length ?? -1) > (other?.length ?? -1) ? one : other;
  };
  const variables: Variables = { get: longest, unset: new Set() };
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const [name, value] of within(shownAs(request.view, file), () => lenient(text, variables)))
      if (value.length > (more.get(name)?.length ?? -1)) more.set(name, value);
  }
  return variables;
}

function lenient(text: string, variables: Variables): Map<string, string> {
  try {
    return parseEnvFile(text, variables);
  } catch (error) {
    if (error instanceof TooMuch || !(error instanceof Complaint)) throw error;
    return new Map();
  }
}

interface Budget {
  /** Letters that all texts together may still have. */
  left: number;
}

async function measureFile({ view }: OpenedRequest, file: string, variables: Variables, budget: Budget) {
  const bytes = await readFile(file).catch(() => new Uint8Array());
  // Most name no variable, and parsing is dear.
  if (!bytes.includes('$'.charCodeAt(0))) return;
  const name = shownAs(view, file);
  const yaml = parseYaml(name, bytes);
  measure(yaml.value, [], (text, path) => {
    try {
      budget.left -= grown(text, variables);
      if (budget.left < 0) throw new TooMuch('with it, variables make more than 16 MiB of the files');
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
      error.file = name;
      error.line = yaml.at(path).line;
      throw error;
    }
  });
}

/** Letters of a text with its variables put in; one that compose refuses has none. */
function grown(text: string, variables: Variables): number {
  try {
    return substitute(text, variables).length;
  } catch (error) {
    if (error instanceof TooMuch || !(error instanceof Complaint)) throw error;
    return 0;
  }
}

type Path = (string | number)[];

function measure(value: unknown, path: Path, look: (text: string, path: Path) => void): void {
  if (typeof value === 'string') look(value, path);
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) measure(item, [...path, index], look);
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) measure(item, [...path, key], look);
}
