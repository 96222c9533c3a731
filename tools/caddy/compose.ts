/**
 * The whole configuration as one text: the hub's own Caddyfile with the snippets in the place of the line that takes
 * them in. So Caddy judges it before any of it is written. A line that is not there: the Caddyfile alone.
 */
export function composeCaddyfile(own: string, line: string, snippets: readonly string[]): string {
  const at = positionOf(own, line);
  if (at === null) return own;
  return `${own.slice(0, at)}${snippets.join('\n')}${own.slice(at + line.length)}`;
}

/** The hub takes its files in by their names, ending and all: `a-b.caddy` comes before `a.caddy`. */
export function inHubOrder(snippets: ReadonlyMap<string, string>): Map<string, string> {
  const file = ([name]: [string, string]) => `${name}.caddy`;
  return new Map([...snippets].sort((a, b) => (file(a) < file(b) ? -1 : 1)));
}

/** The whole line, and not one that contains it: a comment takes nothing in. */
function positionOf(own: string, line: string): number | null {
  const isBreak = (character: string | undefined) =>
    character === undefined || character === '\n' || character === '\r';
  for (let at = own.indexOf(line); at >= 0; at = own.indexOf(line, at + 1))
    if (isBreak(own[at - 1]) && isBreak(own[at + line.length])) return at;
  return null;
}

/** Caddy's words, in which lines of the whole (`Caddyfile:12`) are lines of the file that a person has before them. */
export function inItsFile(
  words: string,
  own: string,
  line: string,
  snippets: ReadonlyMap<string, string>,
): string {
  const at = positionOf(own, line);
  if (at === null) return words;
  const before = breaksIn(own.slice(0, at));
  return words.replace(/\bCaddyfile:(\d+)/g, (_all, number) => placeOf(Number(number) - 1, before, snippets));
}

/** Lines count from 0 here. */
function placeOf(number: number, before: number, snippets: ReadonlyMap<string, string>): string {
  if (number < before) return `Caddyfile:${number + 1}`;
  let start = before;
  for (const [name, text] of snippets) {
    const next = start + breaksIn(text) + 1;
    if (number < next) return `${name}.caddy:${number - start + 1}`;
    start = next;
  }
  const taken = snippets.size === 0 ? 0 : start - 1 - before;
  return `Caddyfile:${number - taken + 1}`;
}

function breaksIn(text: string): number {
  return text.split('\n').length - 1;
}

/** Whether all that this text imports is in it: what it means does not depend on other files then. */
export function standsAlone(caddyfile: string): boolean {
  const own = new Set([...caddyfile.matchAll(/^[ \t]*\(([^)\s]+)\)/gm)].map(([, name]) => name));
  const imported = caddyfile.matchAll(/^[ \t]*import[ \t]+(\S+)/gm);
  return [...imported].every(([, name]) => own.has(name));
}
