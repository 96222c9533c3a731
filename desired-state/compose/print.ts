import { Complaint, isModel, keyValues, sprint, type Value } from './model.ts';
import type { Shape } from './shapes.ts';
import { goDuration, ramBytes, shellWords } from './units.ts';

/** A canonical value as compose prints it; undefined where compose prints nothing. Throws Complaint. */
export function printed(value: Value | undefined, shape: Shape, at: string): unknown {
  if (value === undefined || (value === null && shape !== 'any')) return undefined;
  if (typeof shape === 'object') return compound(value as Value, shape, at);
  try {
    return scalar(value as Value, shape);
  } catch (error) {
    if (error instanceof Complaint) throw new Complaint(`error decoding '${at}': ${error.message}`);
    throw error;
  }
}

function compound(value: Value, shape: Exclude<Shape, string>, at: string): unknown {
  if ('list' in shape) {
    const items = Array.isArray(value) ? value : [value];
    return filled(items.map((item, index) => printed(item, shape.list, `${at}.${index}`) ?? null));
  }
  if (!isModel(value)) throw new Complaint(`${at} must be a mapping`);
  if ('map' in shape) {
    const pairs = Object.entries(value).map(([key, item]) => [
      key,
      printed(item, shape.map, `${at}.${key}`) ?? null,
    ]);
    return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
  }
  const pairs = Object.entries(value).flatMap(([key, item]) => {
    const field = shape.fields[key];
    const shown = field === undefined ? undefined : printed(item, field, `${at}.${key}`);
    return shown === undefined ? [] : [[key, shown]];
  });
  return { ...shape.always, ...Object.fromEntries(pairs) };
}

function filled<T>(items: T[]): T[] | undefined {
  return items.length === 0 ? undefined : items;
}

function scalar(value: Value, shape: Extract<Shape, string>): unknown {
  switch (shape) {
    case 'text':
      return sprint(value) || undefined;
    case 'number':
      return number(value) || undefined;
    case 'number?':
      return number(value);
    case 'bool':
      return value === true || value === 'true' ? true : undefined;
    case 'bool?':
      return value === true || value === 'true';
    case 'bytes':
      return bytes(value);
    case 'duration':
      return goDuration(sprint(value));
    case 'texts':
      return filled((Array.isArray(value) ? value : [value]).map(sprint));
    case 'map':
      return pairs(value, '');
    case 'map?':
      return pairs(value, null);
    default:
      return special(value, shape);
  }
}

type Plain =
  | 'text'
  | 'number'
  | 'number?'
  | 'bool'
  | 'bool?'
  | 'bytes'
  | 'duration'
  | 'texts'
  | 'map'
  | 'map?';

function special(value: Value, shape: Exclude<Extract<Shape, string>, Plain>): unknown {
  switch (shape) {
    case 'hosts':
      return hosts(value);
    case 'command':
      return typeof value === 'string' ? shellWords(value) : value;
    case 'test':
      return typeof value === 'string' ? ['CMD-SHELL', value] : filled(value as Value[]);
    case 'count':
      return String(value).toLowerCase() === 'all' ? -1 : number(value) || undefined;
    case 'ulimit':
      return isModel(value)
        ? { soft: number(value.soft ?? 0), hard: number(value.hard ?? 0) }
        : number(value);
    case 'any':
      return value;
  }
}

function number(value: Value): number {
  const text = sprint(value);
  if (text.trim() === '' || Number.isNaN(Number(text))) throw new Complaint(`invalid number: '${text}'`);
  return Number(text);
}

function bytes(value: Value): string | undefined {
  const size = typeof value === 'string' ? ramBytes(value) : Number(value);
  return size === 0 ? undefined : String(size);
}

function pairs(value: Value, empty: string | null): Record<string, string | null> | undefined {
  const entries = [...keyValues(value)].map(([key, item]) => [key, item === null ? empty : sprint(item)]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function hosts(value: Value): string[] | undefined {
  const found = isModel(value)
    ? Object.entries(value).flatMap(hostEntries)
    : (value as Value[]).flatMap(hostText);
  for (const [host] of found) {
    if (host === '' || /[:=]/.test(host)) throw new Complaint(`bad host name '${host}'`);
  }
  return filled(found.map(([host, ip]) => `${host}=${ip.replace(/^\[(.+)\]$/, '$1')}`).sort());
}

function hostEntries([host, ip]: [string, Value]): [string, string][] {
  return (Array.isArray(ip) ? ip : [ip ?? '']).map((item) => [host, sprint(item)]);
}

function hostText(item: Value): [string, string][] {
  const text = sprint(item);
  const separator = text.includes('=') ? '=' : ':';
  const cut = text.indexOf(separator);
  if (cut < 0) throw new Complaint(`invalid additional host, missing IP: ${text}`);
  const host = text.slice(0, cut);
  return text
    .slice(cut + 1)
    .split(',')
    .map((ip) => [host, ip]);
}

/** Compose doubles every `$` of what it prints, so that it can be read again. */
export function escapeDollars(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escapeDollars);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replaceAll('$', '$$$$'), escapeDollars(item)]),
  );
}
