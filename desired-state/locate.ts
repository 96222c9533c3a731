import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { duplicateKeys } from '../tools/duplicate-keys.ts';
import type { Origin, Problem } from './types.ts';
import { differences } from './yaml-differences.ts';
import { yamlProblems } from './yaml-problems.ts';

export type YamlPath = readonly (string | number)[];

/** Larger than any hand-written file: a lab.yaml of 5,000 services is not one of them. */
export const maxYamlBytes = 1024 * 1024;

/** A YAML file whose values can be traced back to their line. */
export interface YamlFile {
  file: string;
  /** Undefined where the file could not be read as YAML at all. */
  value: unknown;
  problems: Problem[];
  /** Where the value at `path` starts; of the nearest existing ancestor where there is none. */
  at(path: YamlPath): Origin;
  /** Where the key itself stands, for problems that are about the key. */
  atKey(path: YamlPath): Origin;
  /** The text of the value as it stands in the file, one line of it; undefined where there is none. */
  textAt(path: YamlPath): string | undefined;
  /** Exact: undefined where the file has no such value. Follows aliases and merge keys. */
  find(path: YamlPath): Origin | undefined;
}

/** Reads one YAML document. Never throws: what is wrong is in `problems`. */
export function parseYaml(file: string, bytes: Uint8Array): YamlFile {
  const decoded = decode(file, bytes);
  if ('problem' in decoded) return unreadable(file, decoded.problem);
  const { text } = decoded;
  const lines = new LineCounter();
  const document = parseDocument(text, {
    ...{ lineCounter: lines, prettyErrors: false, logLevel: 'error' },
    // As compose does: what is merged in counts.
    merge: true,
    uniqueKeys: false,
  });
  document.errors.push(...duplicateKeys(document));
  const origin = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = yamlProblems(document, text, origin);
  const told = new Set(problems.map(({ line }) => line));
  problems.push(...differences(document, text, origin).filter(({ line }) => !told.has(line)));
  return { file, ...plainValue(document, problems, origin), ...positions(document, text, origin) };
}

function decode(file: string, bytes: Uint8Array): { text: string } | { problem: Problem } {
  const start = { file, line: 1, column: 1, severity: 'error' as const };
  if (bytes.byteLength > maxYamlBytes) {
    return {
      problem: {
        ...start,
        message: 'the file is larger than 1 MiB',
        fix: 'split it, or keep data out of it',
      },
    };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    const line = Buffer.from(bytes).subarray(0, firstBadByte(bytes)).toString('latin1').split('\n').length;
    return { problem: { ...start, line, message: 'the file is not UTF-8 text', fix: 'save it as UTF-8' } };
  }
}

function firstBadByte(bytes: Uint8Array): number {
  let low = 0;
  let high = bytes.byteLength;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (decodes(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

function decodes(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function unreadable(file: string, problem: Problem): YamlFile {
  const start = { file, line: 1, column: 1 };
  const nothing = () => undefined;
  return {
    file,
    value: undefined,
    problems: [problem],
    at: () => start,
    atKey: () => start,
    textAt: nothing,
    find: nothing,
  };
}

function plainValue(
  document: Document.Parsed,
  problems: Problem[],
  origin: (offset: number) => Origin,
): Pick<YamlFile, 'value' | 'problems'> {
  if (document.errors.length > 0) return { value: undefined, problems };
  const dangling = danglingAliases(document, origin);
  if (dangling.length > 0) return { value: undefined, problems: [...problems, ...dangling] };
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), problems };
  } catch {
    const message = 'aliases (`*name`) repeat so much that the file grows beyond measure';
    const bomb = { ...origin(0), severity: 'error' as const, message, fix: 'write the values out' };
    return { value: undefined, problems: [...problems, bomb] };
  }
}

function danglingAliases(document: Document.Parsed, origin: (offset: number) => Origin): Problem[] {
  const problems: Problem[] = [];
  // One walk: asking each alias to resolve itself would walk the document once for each.
  const anchors = new Set<string>();
  visit(document, {
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.add(node.anchor);
    },
    Alias: (_key, alias) => {
      if (anchors.has(alias.source)) return;
      const text = `*${alias.source}`;
      const message = `nothing above is named &${alias.source}`;
      const fix = `put quotes around ${text}, or name a value with &${alias.source}`;
      problems.push({ ...origin(alias.range?.[0] ?? 0), severity: 'error', message, text, fix });
    },
  });
  return problems;
}

type Lookups = Pick<YamlFile, 'at' | 'atKey' | 'textAt' | 'find'>;

function positions(document: Document.Parsed, text: string, origin: (offset: number) => Origin): Lookups {
  const start = document.contents?.range?.[0] ?? 0;
  const nearest = (path: YamlPath, key: boolean): Origin => {
    for (let length = path.length; length > 0; length -= 1) {
      const step = walk(document, path.slice(0, length));
      const node =
        step && (key && length === path.length ? (step.key ?? step.value) : (step.value ?? step.key));
      const offset = node?.range?.[0];
      if (offset !== undefined) return origin(offset);
    }
    return origin(start);
  };
  return {
    at: (path) => nearest(path, false),
    atKey: (path) => nearest(path, true),
    find: (path) => {
      const step = walk(document, path);
      const offset = step?.value?.range?.[0] ?? step?.key?.range?.[0];
      return offset === undefined ? undefined : origin(offset);
    },
    textAt: (path) => {
      const range = walk(document, path)?.value?.range;
      return range ? oneLine(text.slice(range[0], range[1])) : undefined;
    },
  };
}

function oneLine(source: string): string {
  const line = source.split('\n', 1)[0]?.trim() ?? '';
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

interface Step {
  key: Node | null;
  value: Node | null;
}

function walk(document: Document.Parsed, path: YamlPath): Step | undefined {
  let step: Step | undefined = { key: null, value: document.contents as Node | null };
  for (const segment of path) {
    step = step && child(document, resolveAlias(document, step.value), segment, 0);
  }
  return step;
}

/** Alias -> its value: the library walks the document for each. */
const resolved = new WeakMap<Node, Node | null>();

function resolveAlias(document: Document.Parsed, node: Node | null): Node | null {
  if (!isAlias(node)) return node;
  const known = resolved.get(node);
  if (known !== undefined) return known;
  const found = (node.resolve(document) as Node | undefined) ?? null;
  resolved.set(node, found);
  return found;
}

const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();

/** A map by its keys: looked through once. The first of two counts. */
function indexOf(map: YAMLMap): Map<string, Pair> {
  const known = indexes.get(map);
  if (known !== undefined) return known;
  const pairs = map.items.flatMap((pair) =>
    isScalar(pair.key) ? [[keyText(pair.key.value), pair] as const] : [],
  );
  const index = new Map(pairs.reverse());
  indexes.set(map, index);
  return index;
}

/** A key that merges stands for itself: the parser makes a symbol of it. */
function keyText(key: unknown): string {
  return typeof key === 'symbol' ? (key.description ?? '') : String(key);
}

function child(
  document: Document.Parsed,
  node: Node | null,
  segment: string | number,
  depth: number,
): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(segment)];
    return item === undefined ? undefined : { key: null, value: item as Node | null };
  }
  if (!isMap(node) || depth > 20) return undefined;
  const named = (name: string) => indexOf(node).get(name);
  const pair = named(String(segment));
  if (pair) return { key: pair.key as Node, value: pair.value as Node | null };
  const merged = resolveAlias(document, (named('<<')?.value ?? null) as Node | null);
  const sources = isSeq(merged) ? merged.items.map((item) => resolveAlias(document, item as Node)) : [merged];
  return sources
    .map((source) => child(document, source, segment, depth + 1))
    .find((found) => found !== undefined);
}
