import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { YamlFile, YamlPath } from '../locate.ts';
import type { Problem } from '../types.ts';
import { fromWords } from './words.ts';

const maxProblems = 100;

type Issue = z.core.$ZodIssue;

/** Checks a file against a schema. The value is there only when there is no problem at all. */
export function checkFile<S extends z.ZodType>(
  yaml: YamlFile,
  schema: S,
): { value?: z.output<S>; problems: Problem[] } {
  if (yaml.problems.length > 0) return { problems: yaml.problems };
  const result = schema.safeParse(yaml.value);
  if (result.success) return { value: result.data, problems: [] };
  // A file of thousands of mistakes is the wrong file; the first ones say so.
  const issues = result.error.issues.slice(0, maxProblems);
  return { problems: issues.flatMap((issue) => explain(issue, yaml, schema)) };
}

/** One zod issue in plain words, at its place in the file. */
function explain(issue: Issue, yaml: YamlFile, schema: z.ZodType): Problem[] {
  const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, maxProblems).map((key) => unknownKey(key, path, yaml, schema));
  if (issue.code === 'invalid_key') return [wrongKey(issue, path, yaml)];
  const value = valueAt(yaml.value, path);
  if (value === undefined || value === null) return [missing(issue, path, yaml, value === null)];
  return [wrongValue(issue, path, yaml)];
}

function unknownKey(key: string, path: YamlPath, yaml: YamlFile, schema: z.ZodType): Problem {
  const known = knownKeys(schema, path);
  const near = nearest(key, known);
  return {
    ...yaml.atKey([...path, key]),
    severity: 'error',
    message: `unknown key ${quote(key)}${within(path)}`,
    text: key,
    fix: near === undefined ? `remove it; known keys: ${known.join(', ')}` : `write ${near}`,
  };
}

/** The candidate that a slip of the pen would explain; undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(
    word.toLowerCase(),
    candidates.map((candidate) => candidate.toLowerCase()),
  );
  if (distance(word.toLowerCase(), best) > Math.max(2, Math.floor(best.length / 3))) return undefined;
  return candidates.find((candidate) => candidate.toLowerCase() === best);
}

function wrongKey(issue: Extract<Issue, { code: 'invalid_key' }>, path: YamlPath, yaml: YamlFile): Problem {
  const { expected, fix } = fromWords(issue.issues[0]?.message ?? 'expected another name');
  const key = String(path.at(-1) ?? '');
  const show = !mayBeSecret(path.slice(0, -1));
  return {
    ...yaml.atKey(path),
    severity: 'error',
    message: `${expected}${show ? `, found ${quote(key)}` : ''}${within(path.slice(0, -1))}`,
    ...(show ? { text: key } : {}),
    ...(fix === undefined ? {} : { fix }),
  };
}

function missing(issue: Issue, path: YamlPath, yaml: YamlFile, empty: boolean): Problem {
  if (path.length === 0)
    return {
      ...yaml.at([]),
      severity: 'error',
      message: 'the file is empty',
      fix: 'write version: 1 and what follows it',
    };
  const { expected, fix } = fromWords(issue.message);
  const key = mayBeSecret(path.slice(0, -1)) && !isUser(path.at(-1)) ? '…' : String(path.at(-1));
  return {
    ...(empty ? yaml.atKey(path) : yaml.at(path.slice(0, -1))),
    severity: 'error',
    message: `${quote(key)}${within(path.slice(0, -1))} is ${empty ? 'empty' : 'missing'}: ${expected}`,
    ...(empty ? { text: `${key}:` } : {}),
    fix: empty ? `${fix ?? 'give it a value'}, or remove ${key}` : `add ${key}: ${exampleOf(fix)}`,
  };
}

function exampleOf(fix: string | undefined): string {
  return fix === undefined || fix.includes('`') ? '…' : fix.replace(/^write (e\.g\. |version: )?/, '');
}

function wrongValue(issue: Issue, path: YamlPath, yaml: YamlFile): Problem {
  const { expected, fix } = fromWords(issue.message);
  const text = yaml.textAt(path);
  const show = text !== undefined && !mayBeSecret(path);
  return {
    ...yaml.at(path),
    severity: 'error',
    message: `${expected}${show ? `, found ${asFound(text)}` : ''}${within(path)}`,
    ...(show ? { text } : {}),
    ...fixFor(issue, fix, text, show),
  };
}

/** People do write the words themselves where a reference or a hash belongs: those must not reach a log. */
function mayBeSecret(path: YamlPath): boolean {
  return path.some((segment) => /passphrase|password|secret|token|basicAuth/i.test(String(segment)));
}

function fixFor(
  issue: Issue,
  fix: string | undefined,
  text: string | undefined,
  show: boolean,
): { fix?: string } {
  if (show && text !== undefined && /quoted octal/.test(issue.message) && /^0?o?[0-7]{3,4}$/.test(text)) {
    return { fix: `write "${text.replace('o', '')}" in quotes` };
  }
  if (issue.code === 'invalid_value' && show && text !== undefined) {
    const near = nearest(text, issue.values.map(String));
    if (near !== undefined) return { fix: `write ${near}` };
  }
  return fix === undefined ? {} : { fix };
}

/** Texts in quotes, what is quoted already or no text as it stands. */
function asFound(text: string): string {
  return /^["'[{|>&*!-]/.test(text) || /^[\d.]+$|^(true|false|null|~)$/.test(text) ? text : quote(text);
}

export function quote(text: string): string {
  return `"${shortened(text)}"`;
}

/** What stands in the place of a user may have a password in it. */
function isUser(segment: string | number | undefined): boolean {
  return segment === undefined || /^[\w.@-]{1,64}$/.test(String(segment));
}

function within(path: YamlPath): string {
  const at = path.indexOf('basicAuth');
  const told = at < 0 || isUser(path[at + 1]) ? path : path.slice(0, at + 1);
  return path.length === 0 ? '' : ` (${told.map((part) => shortened(String(part))).join('.')})`;
}

/** Nobody reads a longer one to its end, and a log or a terminal would be full of it. */
function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string | number, unknown>)[segment];
  }
  return current;
}

function knownKeys(schema: z.ZodType, path: YamlPath): string[] {
  let current: z.ZodType | undefined = unwrap(schema);
  for (const segment of path) current = current && unwrap(step(current, segment));
  return [...new Set(shapes(current).flatMap((shape) => Object.keys(shape)))];
}

/** Of a mapping; of all forms that it may have, where there are several. */
function shapes(schema: z.ZodType | undefined): Readonly<Record<string, unknown>>[] {
  if (schema instanceof z.ZodObject) return [schema.shape];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => shapes(option as z.ZodType));
  return [];
}

function step(schema: z.ZodType, segment: string | number): z.ZodType | undefined {
  const [shape] = shapes(schema).filter((each) => String(segment) in each);
  if (shape !== undefined) return shape[String(segment)] as z.ZodType;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return undefined;
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  const wrappers = [z.ZodOptional, z.ZodDefault, z.ZodPrefault, z.ZodNullable] as const;
  for (const wrapper of wrappers) {
    if (schema instanceof wrapper) return unwrap(schema.unwrap() as z.ZodType);
  }
  return schema;
}
