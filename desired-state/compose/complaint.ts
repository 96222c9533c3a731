import { closest, distance } from 'fastest-levenshtein';
import { blotValues } from '../../tools/secrets/blot.ts';
import type { YamlPath } from '../locate.ts';
import type { Origin, Problem } from '../types.ts';
import { knownKeys } from './schema.ts';
import type { ComposeSource } from './sources.ts';

/**
 * Compose's own words -> Problems with a place. Compose names a place as a dotted path, a line, or merely quotes
 * the text; the built-in reader complains in the same words, so that both are placed by the same code.
 */
export function complaints(message: string, sources: ComposeSource[], secrets: string[] = []): Problem[] {
  const yaml = sources.flatMap((source) => source.yaml.problems);
  if (yaml.length > 0 && /^yaml:|mapping key|line \d+/m.test(message)) return yaml;
  return lines(message).map((line) => {
    const { origin, text } = placed(line, sources);
    // Names are taken out of the line without values: what compose took apart is no whole value any more.
    const plain = hidden(line, secrets, sources);
    const { fix } = placed(plain, sources);
    const isWritten = text !== undefined && sources.some((source) => source.text.includes(text));
    const shown = { message: worded(plain), ...(isWritten ? { text } : {}) };
    return { ...origin, severity: 'error', ...shown, ...(fix === undefined ? {} : { fix }) };
  });
}

function lines(message: string): string[] {
  const said = message.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('time="'));
  const decoding = said.filter((line) => line.startsWith('error decoding '));
  if (decoding.length > 0) return decoding;
  const joined = said.join(' ').trim();
  return [joined === '' ? 'docker compose refuses the file and says nothing' : joined];
}

function worded(line: string): string {
  const plain = line
    .replace(/^validating \S+: /, '')
    .replace(/: invalid compose project$/, '')
    .replace(/^error while interpolating /, '')
    .replace(/ You may need to escape any \$ with another \$\. /, ' ')
    .replace(/\.$/, '');
  return plain.replace(/^\(root\) /, '');
}

/** A longer name that stands in the file as written is no secret, though `git-gitea` may hold the value `gitea`. */
function hidden(text: string, secrets: string[], sources: ComposeSource[]): string {
  const names = new Set(sources.flatMap((source) => source.text.match(/[\w-]+/g) ?? []));
  const parts = secrets
    .flatMap(partsOf)
    .filter((part) => !sources.some((source) => source.text.includes(part)));
  return blotValues(text, [...secrets, ...parts], (word) => names.has(word));
}

/** Compose takes some values apart, and tells the part that it does not know. Shorter ones are words such as `http`. */
function partsOf(secret: string): string[] {
  return secret.split(/[:=,/@\s]/).filter(({ length }) => length >= 6);
}

interface Placed {
  origin: Origin;
  text?: string | undefined;
  fix?: string | undefined;
}

function placed(line: string, sources: ComposeSource[]): Placed {
  return (
    unknownKey(line, sources) ??
    byPath(line, sources) ??
    byReference(line, sources) ??
    byLine(line, sources) ??
    byQuote(line, sources) ?? { origin: start(sources) }
  );
}

function start(sources: ComposeSource[]): Origin {
  return sources[0]?.yaml.at([]) ?? { file: 'docker-compose.yml', line: 1, column: 1 };
}

function unknownKey(line: string, sources: ComposeSource[]): Placed | undefined {
  const match = /(?:^|\s)(\S+) Additional property (.+) is not allowed$/.exec(line);
  if (!match) return undefined;
  const parent = match[1] === '(root)' ? [] : segments(match[1] ?? '');
  const key = match[2] ?? '';
  const place = [...parent, key];
  const source = sources.findLast((item) => item.yaml.find(place)) ?? sources[0];
  const near = nearest(key, knownKeys(parent));
  const fix = near === undefined ? `remove \`${key}\`` : `write \`${near}\``;
  return { origin: source?.yaml.atKey(place) ?? start(sources), text: key, fix };
}

function nearest(key: string, known: string[]): string | undefined {
  const near = known.length === 0 ? undefined : closest(key, known);
  return near !== undefined && distance(key, near) <= Math.max(2, key.length / 3) ? near : undefined;
}

function byPath(line: string, sources: ComposeSource[]): Placed | undefined {
  const match = /(?:^|[\s'])((?:services|networks|volumes|configs|secrets)[.[][^\s:']+)/.exec(line);
  if (!match) return undefined;
  return at(segments((match[1] ?? '').replace(/\.$/, '')), sources);
}

/** `services[web].ports.[0]` and `services.web.ports.0` -> segments. */
function segments(text: string): string[] {
  return text.split(/[.[\]]+/).filter((part) => part !== '');
}

function at(path: YamlPath, sources: ComposeSource[]): Placed {
  for (let length = path.length; length > 0; length -= 1) {
    const part = path.slice(0, length);
    const source = sources.findLast((item) => item.yaml.find(part));
    if (source) return { origin: source.yaml.at(part), text: source.yaml.textAt(part) };
  }
  return { origin: start(sources) };
}

const sections: Record<string, string> = {
  network: 'networks',
  volume: 'volumes',
  secret: 'secrets',
  config: 'configs',
};

/** "service X refers to undefined network Y", "service X depends on undefined service Y", cycles. */
function byReference(line: string, sources: ComposeSource[]): Placed | undefined {
  const undefinedThing = /^service "(.+?)" refers to undefined (?:build )?(\w+) (.+?):/.exec(line);
  if (undefinedThing) {
    const [, service = '', kind = '', name = ''] = undefinedThing;
    const section = sections[kind] ?? kind;
    const fix = `declare \`${name}\` under the top-level \`${section}:\`, or correct the name`;
    return { ...quoted(['services', service, section], name, sources), fix };
  }
  const depends = /^service "(.+?)" depends on undefined service "?(.+?)"?:/.exec(line);
  if (depends) {
    const [, service = '', name = ''] = depends;
    const fix = `add a service \`${name}\`, or correct the name`;
    return { ...quoted(['services', service, 'depends_on'], name, sources), fix };
  }
  const cycle = /^dependency cycle detected: (\S+) -> /.exec(line);
  if (cycle) {
    const fix = 'remove one of these dependencies';
    return { ...at(['services', cycle[1] ?? '', 'depends_on'], sources), fix };
  }
  const service = /^service "(.+?)"/.exec(line);
  return service ? at(['services', service[1] ?? ''], sources) : undefined;
}

/** The first line at or below the value at `path` that holds `text`. */
function quoted(path: YamlPath, text: string, sources: ComposeSource[]): Placed {
  const near = at(path, sources);
  const source = sources.find((item) => item.yaml.file === near.origin.file);
  const found =
    source && search(source, new RegExp(`(?<![\\w-])${escaped(text)}(?![\\w-])`), near.origin.line);
  return found ? { origin: found, text } : near;
}

function byLine(line: string, sources: ComposeSource[]): Placed | undefined {
  const match = /\bline (\d+)/.exec(line);
  const first = sources[0];
  if (!match || !first) return undefined;
  const number = Math.max(1, Number(match[1]));
  const text = first.text.split('\n')[number - 1]?.trim().slice(0, 60);
  return { origin: { ...first.yaml.at([]), line: number, column: 1 }, text };
}

/** A path, a quoted text, or the last words of the message, as they stand in one of the files. */
function byQuote(line: string, sources: ComposeSource[]): Placed | undefined {
  const quotes = [...line.matchAll(/["'`]([^"'`]+)["'`]/g)].map((match) => match[1] ?? '');
  const names = [...line.matchAll(/\/([^/\s:]+)(?=[\s:]|$)/g)].map((match) => match[1] ?? '');
  for (const text of [...quotes, ...names, line.split(': ').at(-1) ?? '']) {
    if (text.length < 2) continue;
    for (const source of sources) {
      const origin = search(source, new RegExp(escaped(text)), 1);
      if (origin) return { origin, text };
    }
  }
  return undefined;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The place of the first match outside of a comment, from a line on. */
export function search(source: ComposeSource, pattern: RegExp, from: number): Origin | undefined {
  const rows = source.text.split('\n');
  for (let index = from - 1; index < rows.length; index += 1) {
    const row = (rows[index] ?? '').replace(/(^|\s)#.*$/, '$1');
    const column = row.search(pattern);
    if (column >= 0) return { file: source.yaml.file, line: index + 1, column: column + 1 };
  }
  return undefined;
}
