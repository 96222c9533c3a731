import { envNames } from './compose/env-file.ts';
import { nearComposeOrigin, type ServiceContext } from './context.ts';
import type { YamlFile } from './locate.ts';
import type { Origin } from './types.ts';

/** `{a: {b: [1]}}` -> `{'a.b.0': '1'}`. The values come masked from the compose reader. */
export function flatten(value: unknown, prefix = ''): Record<string, string> {
  const flat: Record<string, string> = {};
  const visit = (item: unknown, path: string): void => {
    if (typeof item !== 'object' || item === null)
      flat[path] = item === null || item === undefined ? '' : String(item);
    else for (const [key, inner] of Object.entries(item)) visit(inner, path === '' ? key : `${path}.${key}`);
  };
  visit(value, prefix);
  return flat;
}

/**
 * Where each field of a container is written. A value that is nothing but a variable is written where the
 * variable is set: there a person made the change.
 */
export function fieldOrigins(
  context: ServiceContext,
  container: string,
  service: Record<string, unknown>,
): Record<string, Origin> {
  const origins: Record<string, Origin> = {};
  const known = new Map<string, Origin>();
  for (const path of fieldPaths(service)) {
    const key = JSON.stringify(path.slice(0, 2));
    const origin = known.get(key) ?? fieldOrigin(context, container, path);
    known.set(key, origin);
    origins[path.join('.')] = origin;
  }
  return origins;
}

function fieldPaths(value: unknown, prefix: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [prefix];
  return Object.entries(value).flatMap(([key, item]) => fieldPaths(item, [...prefix, key]));
}

/** Deep enough for `environment.KEY` and `ports.0`; what is below shares the line, or nearly. */
function fieldOrigin(context: ServiceContext, container: string, path: string[]): Origin {
  const [field = '', key] = path;
  const base = ['services', container, field];
  for (const yaml of [...context.composeYaml].reverse()) {
    const place = findEntry(yaml, base, key);
    if (place) return variableOrigin(context, yaml.textAt(place)) ?? yaml.at(place);
  }
  const fromFile = field === 'environment' && key !== undefined ? variablePlace(context, key) : undefined;
  return fromFile ?? nearComposeOrigin(context, base);
}

function findEntry(yaml: YamlFile, base: string[], key: string | undefined): (string | number)[] | undefined {
  if (key === undefined) return yaml.find(base) ? base : undefined;
  if (yaml.find([...base, key])) return [...base, key];
  const index = listed(yaml, base).get(key);
  return index === undefined ? undefined : [...base, index];
}

const lists = new WeakMap<YamlFile, Map<string, Map<string, number>>>();

/** The list form of environment and labels, `- KEY=value`: key -> index, the whole list in one pass. */
function listed(yaml: YamlFile, base: string[]): Map<string, number> {
  const known = lists.get(yaml) ?? new Map<string, Map<string, number>>();
  lists.set(yaml, known);
  const name = base.join('\0');
  const found = known.get(name) ?? new Map<string, number>();
  if (known.has(name)) return found;
  known.set(name, found);
  for (let index = 0; yaml.find([...base, index]); index += 1) {
    const text = (yaml.textAt([...base, index]) ?? '').replace(/^["']/, '');
    for (const key of [text, text.split('=', 1)[0] ?? '']) if (!found.has(key)) found.set(key, index);
  }
  return found;
}

/** Place of the one variable that a text consists of, where a file of the repository sets it. */
function variableOrigin(context: ServiceContext, text: string | undefined): Origin | undefined {
  const names = [...(text ?? '').matchAll(/(?<!\$)\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(
    (match) => match[1] ?? '',
  );
  const [name] = names;
  return name === undefined || names.length > 1 ? undefined : variablePlace(context, name);
}

/** The line of the repository that sets a variable; undefined where none does. */
export function variablePlace(context: ServiceContext, name: string): Origin | undefined {
  // The host's file wins over the repository's; then no line of the repository set the value.
  const last = context.env.findLast((env) => env.variables.has(name));
  return last?.file === null ? undefined : last?.variables.get(name);
}

/** Variables of an environment file, as compose finds them. */
export function envLines(
  file: string | null,
  bytes: Uint8Array,
): { file: string | null; variables: Map<string, Origin> } {
  const found = envNames(new TextDecoder().decode(bytes));
  const variables = found.map(({ name, line }): [string, Origin] => [
    name,
    { file: file ?? '', line, column: 1 },
  ]);
  return { file, variables: new Map(variables) };
}
