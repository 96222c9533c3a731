import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  type Scalar,
} from 'yaml';
import { duplicateKeys } from '../../tools/duplicate-keys.ts';
import { Complaint, emptyModel, isModel, type Model, type Value } from './model.ts';

export interface ParsedDocument {
  value: Value;
  /** Places that `!reset` or `!override` clears in the files before. */
  cleared: string[][];
}

/** More nodes than a person writes: aliases may multiply without end. */
const maxNodes = 200_000;

/** YAML as go-yaml v3 reads it, which is 1.2 with some of 1.1: `0777` is octal, `<<` merges, a date is a date. */
export function parseDocuments(text: string): ParsedDocument[] {
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    prettyErrors: false,
    logLevel: 'silent',
    uniqueKeys: false,
  });
  return (Array.isArray(documents) ? documents : []).map((document) => {
    const [error] = [...document.errors, ...duplicateKeys(document)];
    if (error) throw new Complaint(`yaml: ${error.message}`);
    const walk: Walk = { document, cleared: [], nodes: 0 };
    const value = toValue(walk, document.contents as Node | null, []);
    return { value: value ?? null, cleared: walk.cleared };
  });
}

interface Walk {
  document: Document.Parsed;
  cleared: string[][];
  nodes: number;
}

/** Undefined: `!reset`, there is no such value. */
function toValue(walk: Walk, node: Node | null, path: string[]): Value | undefined {
  walk.nodes += 1;
  if (walk.nodes > maxNodes || path.length > 100) throw new Complaint('yaml: the aliases multiply too much');
  if (isAlias(node)) return toValue(walk, aliased(walk, node), path);
  const tag = (node as { tag?: string } | null)?.tag;
  if (tag === '!reset' || tag === '!override') walk.cleared.push(path);
  if (tag === '!reset') return undefined;
  if (isSeq(node)) return node.items.flatMap((item, index) => item_(walk, item as Node, path, index));
  if (isMap(node)) return mapping(walk, node.items as Pair[], path);
  return isScalar(node) ? scalar(node) : null;
}

function item_(walk: Walk, node: Node, path: string[], index: number): Value[] {
  const value = toValue(walk, node, [...path, String(index)]);
  return value === undefined ? [] : [value];
}

function aliased(walk: Walk, node: Node): Node | null {
  const target = isAlias(node) ? (node.resolve(walk.document) as Node | undefined) : undefined;
  if (target === undefined) throw new Complaint('yaml: unknown anchor');
  return target;
}

interface Pair {
  key: Node | null;
  value: Node | null;
}

function mapping(walk: Walk, pairs: Pair[], path: string[]): Model {
  const model = emptyModel();
  const merged = pairs.filter(({ key }) => isMergeKey(key));
  for (const pair of merged.reverse()) mergeInto(walk, model, pair.value, path);
  for (const { key, value } of pairs) {
    if (isMergeKey(key)) continue;
    const name = keyName(walk, key, path);
    const item = toValue(walk, value, [...path, name]);
    if (item !== undefined) model[name] = item;
  }
  return model;
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.value === '<<' && (key.type === 'PLAIN' || key.type === undefined);
}

function mergeInto(walk: Walk, model: Model, node: Node | null, path: string[]): void {
  const value = toValue(walk, node, path);
  const sources = Array.isArray(value) ? value : [value ?? null];
  for (const source of [...sources].reverse()) {
    if (!isModel(source))
      throw new Complaint('yaml: map merge requires map or sequence of maps as the value');
    Object.assign(model, source);
  }
}

function keyName(walk: Walk, key: Node | null, path: string[]): string {
  const value = toValue(walk, key, path);
  // It would vanish from the plain objects of the steps that follow, and with it what no rule has judged.
  if (value === '__proto__')
    throw new Complaint(`${[...path, value].join('.')} is a name that cannot be had`);
  if (typeof value === 'string') return value;
  const where = path.length === 0 ? 'at top level' : `in ${path.join('.')}`;
  throw new Complaint(`non-string key ${where}: ${JSON.stringify(String(value))}`);
}

function scalar(node: Scalar): Value {
  const text = String(node.value ?? '');
  const tag = node.tag;
  if (tag === 'tag:yaml.org,2002:str') return text;
  if (tag === undefined && node.type !== 'PLAIN') return text;
  return plain(text);
}

const words = new Map<string, Value>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, Value] => [word, null]),
  ...['true', 'True', 'TRUE'].map((word): [string, Value] => [word, true]),
  ...['false', 'False', 'FALSE'].map((word): [string, Value] => [word, false]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, Value] => [word, Infinity]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, Value] => [word, -Infinity]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, Value] => [word, Number.NaN]),
]);

function plain(text: string): Value {
  if (words.has(text)) return words.get(text) ?? null;
  return integer(text) ?? float(text) ?? date(text) ?? text;
}

function integer(text: string): Value | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)$/.exec(text);
  if (!match) return undefined;
  const digits = (match[2] ?? '').replaceAll('_', '').toLowerCase();
  const prefixed = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  if (/^0[xbo]?$/.test(prefixed) && prefixed !== '0') return undefined;
  const value = BigInt(prefixed) * (match[1] === '-' ? -1n : 1n);
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
  return value < 2n ** 64n && value >= -(2n ** 63n) ? value : number;
}

function float(text: string): Value | undefined {
  const digits = text.replaceAll('_', '');
  return /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(digits) && /^[-+.\d]/.test(text)
    ? Number(digits)
    : undefined;
}

/** Printed as Go prints a time. */
function date(text: string): Value | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| +)(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z)?)?$/.exec(
    text,
  );
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = ''] = match;
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const fits = Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= days;
  if (!fits || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const two = (part: string) => part.padStart(2, '0');
  const time = `${two(hour)}:${two(minute)}:${two(second)}${fraction.replace(/\.?0+$/, '')}`;
  return `${year}-${two(month)}-${two(day)} ${time} +0000 UTC`;
}
