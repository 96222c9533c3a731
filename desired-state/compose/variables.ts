import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { composeEnvironment } from '../../tools/compose.ts';
import { isBelow } from '../files.ts';
import { parseEnvFile } from './env-file.ts';
import type { Variables } from './interpolate.ts';
import { variableText } from './mask.ts';
import { Complaint } from './model.ts';
import type { OpenedRequest } from './opened.ts';
import { within } from './too-much.ts';
import type { ResolvedProject, View } from './types.ts';

/** What a compose file may name: the environment that compose has, then the request's files. Throws Complaint. */
export async function projectVariables(request: OpenedRequest, unset: Set<string>): Promise<Variables> {
  const values = new Map(Object.entries(composeEnvironment()));
  const fixed = new Map(values).set('COMPOSE_PROJECT_NAME', request.project);
  const variables: Variables = { get: (name) => fixed.get(name) ?? values.get(name), unset };
  for (const { file, text } of await environmentTexts(request)) {
    const read = () => parseEnvFile(text, { get: (key) => variables.get(key), unset });
    for (const [name, value] of within(file, read)) values.set(name, value);
  }
  return variables;
}

/** In compose's order, with the names by which people know them. */
async function environmentTexts(request: OpenedRequest): Promise<{ file: string; text: string }[]> {
  const { envFiles, encrypted = [], first, last, view } = request;
  const files = await Promise.all(
    envFiles.map(async (file) => ({ file: shownAs(view, file), text: await requiredText(file) })),
  );
  const opened = last.map((text, index) => ({ file: shownAs(view, encrypted[index] ?? ''), text }));
  return [...first.map((text) => ({ file: '', text })), ...files, ...opened];
}

/** Relative to the repository where it is in there. */
export function shownAs({ root }: View, file: string): string {
  return isBelow(file, root) ? path.relative(root, file) : file;
}

/**
 * With the values of `environment:` in configs and secrets, which compose prints nowhere. For a project that is
 * masked next.
 */
export async function withVariableTexts(
  project: ResolvedProject,
  request: OpenedRequest,
): Promise<ResolvedProject> {
  const all = [...Object.values(project.configs ?? {}), ...Object.values(project.secrets ?? {})];
  if (all.every(({ environment }) => typeof environment !== 'string')) return project;
  const textOf = await comparableVariables(request);
  const filled = (part: ResolvedProject['configs'] = {}): ResolvedProject['configs'] =>
    Object.fromEntries(
      Object.entries(part).map(([name, { environment, ...rest }]) =>
        typeof environment === 'string'
          ? [name, { ...rest, environment, [variableText]: textOf(environment) ?? '' }]
          : [name, rest],
      ),
    );
  return { ...project, configs: filled(project.configs), secrets: filled(project.secrets) };
}

/** Where a file is beyond our own reading, any variable may be anywhere: rather a change too many than one too few. */
async function comparableVariables(request: OpenedRequest): Promise<Variables['get']> {
  try {
    return (await projectVariables(request, new Set())).get;
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    const files = await Promise.all(request.envFiles.map(requiredText));
    return () => [...request.first, ...files, ...request.last].join('\n');
  }
}

async function requiredText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw new Complaint(`couldn't find env file: ${file}`);
  return text;
}
