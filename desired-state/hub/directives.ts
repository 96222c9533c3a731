import { upstreamPattern } from '../routes.ts';
import { nearest } from '../schema/explain.ts';
import { strangePlaceholder } from '../schema/placeholders.ts';
import { type Flaw, type Line, readLines } from './directive-lines.ts';
import { beyond, directives, matchers, type Rule, type Table } from './directive-table.ts';

/**
 * The first wall around the directives of a route: they are read as Caddy reads them, held against what a route may say,
 * and written anew, so that what Caddy gets is what was judged. The second one is what Caddy makes of them
 * (tools/caddy/bounds.ts).
 */
export interface Trust {
  /** Directives and matchers that lab.yaml permits besides. */
  permitted: readonly string[];
  /** How the hub dials a container of the service; null: there is none of that name. */
  dialled(to: string): string | null;
}

export interface Judged {
  /** As Caddy is to read them. */
  lines: string[];
  flaws: Flaw[];
  /** Upstreams as the person has written them. */
  upstreams: string[];
  /** Whether it says what lab.yaml permits alone: then nobody can say what it reaches. */
  isTrusted: boolean;
}

export function judgeDirectives(text: string, trust: Trust): Judged {
  const judged: Judged = { lines: [], flaws: [], upstreams: [], isTrusted: false };
  const read = readLines(text);
  if ('flaw' in read) return { ...judged, flaws: [read.flaw] };
  const scope = { judged, trust };
  imports(read.lines, scope);
  const found = inScope(read.lines, scope);
  return judged.flaws.length > 0 ? judged : { ...judged, lines: written(found) };
}

interface Scope {
  judged: Judged;
  trust: Trust;
}

/** What was read, with upstreams as the hub dials them. Flaws are added to what is judged. */
function inScope(lines: readonly Line[], scope: Scope): Line[] {
  return lines.map((line) => {
    const [name = '', ...rest] = line.words;
    if (name.startsWith('@')) return { ...line, ...definition(line, name, rest, scope) };
    return ofTable(line, directives, 'a directive that a route may have', scope);
  });
}

/** `@name path /a`, or a block of such; a quoted text would be an expression, which is code. */
function definition(line: Line, name: string, rest: string[], scope: Scope): Partial<Line> {
  if (!/^@[\w.-]+$/.test(name)) flaw(scope, line, `${name} is no name of a matcher`, 'write e.g. @old');
  if (rest.length === 0) return { block: line.block && matching(line.block, scope) };
  const [inner] = matching([{ ...line, words: rest }], scope);
  return { words: [name, ...(inner?.words ?? rest)], block: inner?.block ?? null };
}

function matching(lines: readonly Line[], scope: Scope): Line[] {
  return lines.map((line) => {
    const [name, ...rest] = line.words;
    if (name !== 'not' || rest.length === 0) return ofTable(line, matchers, 'a matcher of a route', scope);
    const [inner] = matching([{ ...line, words: rest }], scope);
    return { ...line, words: ['not', ...(inner?.words ?? rest)], block: inner?.block ?? null };
  });
}

function ofTable(line: Line, table: Table, what: string, scope: Scope): Line {
  const [name = ''] = line.words;
  words([line], scope);
  if (scope.trust.permitted.includes(name) && (table === directives || table === matchers)) {
    scope.judged.isTrusted = true;
    words(below(line), scope);
    return line;
  }
  const rule = Object.hasOwn(table, name) ? table[name] : undefined;
  if (rule === undefined && name === 'import') return line;
  if (rule === undefined) {
    const near = beyond.has(name) ? undefined : nearest(name, Object.keys(table));
    const fix = near === undefined ? `take it away; docs/routes.md lists what there is` : `write ${near}`;
    flaw(scope, line, `"${name}" is not ${what}`, `${fix}; ${permit}`);
    return line;
  }
  const said = { ...line, words: wordsBy(rule, line, scope) };
  return { ...said, block: line.block && blockBy(rule, said, line.block, scope) };
}

const permit = 'who trusts all that may push permits it in lab.yaml: hub.directives';

function blockBy(rule: Rule, line: Line, block: Line[], scope: Scope): Line[] {
  const [name = ''] = line.words;
  switch (rule.block) {
    case undefined:
      flaw(scope, line, `${name} has no block here`, 'take { … } away');
      return block;
    case 'directives':
      return inScope(block, scope);
    case 'matchers':
      return matching(block, scope);
    case 'users':
      return users(block, scope);
    case 'anything':
      flat(block, scope);
      return block;
    default: {
      const table = rule.block;
      return block.map((each) => ofTable(each, table, `what a block of ${name} may say`, scope));
    }
  }
}

function wordsBy({ words: kind }: Rule, line: Line, scope: Scope): string[] {
  const [name = '', ...rest] = line.words;
  const [matcher, said] = isMatcher(rest[0]) ? [rest.slice(0, 1), rest.slice(1)] : [[], rest];
  if (kind === 'upstreams') return [name, ...matcher, ...said.map((to) => upstream(to, line, scope))];
  if (kind === 'http' && said[0] !== 'http')
    flaw(scope, line, 'a route speaks HTTP and nothing else to its container', 'write transport http');
  // What stands here in the place of an algorithm may be a password: it is not repeated.
  if (kind === 'algorithm' && !['bcrypt', undefined].includes(said[0]))
    flaw(scope, line, `${name} has a word that is no algorithm`, 'put users into its block { … }');
  return line.words;
}

function isMatcher(word: string | undefined): boolean {
  return word !== undefined && /^(\*$|\/|@)/.test(word);
}

function upstream(to: string, line: Line, scope: Scope): string {
  const dialled = upstreamPattern.test(to) ? scope.trust.dialled(to) : null;
  scope.judged.upstreams.push(to);
  if (dialled === null)
    flaw(scope, line, `"${to}" is no container of this service and its port`, 'write e.g. photo-server:2283');
  return dialled ?? to;
}

const hash = /^(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|JDJ[A-Za-z0-9+/]{77}={0,2})$/;

function users(block: Line[], scope: Scope): Line[] {
  const isUser = ({ words: [user = '', secret = '', ...more], block: inner }: Line) =>
    /^[\w.@-]{1,64}$/.test(user) && hash.test(secret) && more.length === 0 && inner === null;
  for (const line of block)
    if (!isUser(line))
      flaw(scope, line, 'no user and bcrypt hash', 'write the hash that `caddy hash-password` prints');
  return block;
}

function flat(block: Line[], scope: Scope): void {
  words(block, scope);
  for (const line of block) if (line.block !== null) flaw(scope, line, 'a block in a block', 'take it away');
}

function words(lines: readonly Line[], scope: Scope): void {
  for (const line of lines) {
    const strange = line.words.flatMap((word) => strangePlaceholder(word) ?? []);
    for (const name of strange)
      flaw(scope, line, `${name} tells nothing of the request`, 'write the value itself, or take it away');
    if (line.words.some((word) => word.includes('\\') && word.includes('`')))
      flaw(scope, line, 'a word has both \\ and `', 'keep one of them');
  }
}

/** At the beginning of a line it takes a file in, however deep, and whatever a line means there (parse.go, `directive`). */
function imports(lines: readonly Line[], scope: Scope): void {
  if (scope.trust.permitted.includes('import')) return;
  for (const line of lines.flatMap((each) => [each, ...below(each)]))
    if (line.words[0] === 'import')
      flaw(scope, line, 'a route takes no other text in (import)', `write it out; ${permit}`);
}

function below({ block }: Line): Line[] {
  return (block ?? []).flatMap((line) => [line, ...below(line)]);
}

function flaw({ judged }: Scope, { line }: Line, message: string, fix: string): void {
  judged.flaws.push({ line, message, fix });
}

function written(lines: readonly Line[]): string[] {
  return lines.flatMap(({ words, block }) => {
    const head = words.map(asWord).join(' ');
    return block === null ? [head] : [`${head} {`, ...written(block).map((line) => `\t${line}`), '}'];
  });
}

/** No backslash in "…": Caddy could not tell one at the end from one that belongs to the quote. */
function asWord(word: string): string {
  if (word.includes('\\')) return `\`${word}\``;
  return /^[^\s"`#<][^\s"`]*$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`;
}
