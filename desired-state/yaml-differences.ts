import { type Document, isAlias, isCollection, isScalar, type Node, Parser, type Scalar, visit } from 'yaml';
import { errorAt } from './problems.ts';
import type { Origin, Problem } from './types.ts';

type Where = (offset: number) => Origin;

/**
 * What docker compose, by go-yaml, would read otherwise than the library here. Compose opens files as root, and what it is
 * to open is judged by what stands here: so nothing may stand there that the two see differently. Nothing is said of what
 * is no YAML for the library either. Source: go-yaml v3
 * scannerc.go, resolve.go, decode.go.
 */
export function differences(document: Document.Parsed, text: string, origin: Where): Problem[] {
  if (document.errors.length > 0) return [];
  return [...characters(text, origin), ...directives(text, origin), ...marks(document, text, origin)];
}

/** Where one of the two begins a new line and the other one goes on in its comment; and a mark that one passes over. */
function characters(text: string, origin: Where): Problem[] {
  return [...text.matchAll(/[\u0085\u2028\u2029\uFEFF]|\r(?!\n)/g)].map(({ 0: found, index }) => {
    const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    const message = `an invisible character (U+${code}) stands here, which docker compose takes for a line break or passes over, and other programs do not`;
    return errorAt(origin(index), message, `delete it, or write "\\u${code}" within double quotes`);
  });
}

function directives(text: string, origin: Where): Problem[] {
  if (!/^%/m.test(text)) return [];
  return [...new Parser().parse(text)].flatMap((token) => {
    if (token.type !== 'directive') return [];
    const message = 'a line in front changes how the file is to be read';
    return [errorAt(origin(token.offset), message, 'remove the line', token.source)];
  });
}

const plainTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);

function marks(document: Document.Parsed, text: string, origin: Where): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Node: (_key, node, path) => {
      const isBetweenBrackets = path.some((each) => isCollection(each) && each.flow === true);
      const fault =
        tagged(node) ??
        named(node) ??
        marked(node) ??
        (isScalar(node) ? (quoted(node, text) ?? (isBetweenBrackets ? mistaken(node, text) : null)) : null);
      if (fault !== null)
        problems.push(errorAt(origin(node.range?.[0] ?? 0), fault.message, fault.fix, fault.text));
    },
  });
  return problems;
}

type Fault = { message: string; fix: string; text?: string } | null;

function tagged(node: Node): Fault {
  const tag = isAlias(node) ? undefined : (node as Scalar).tag;
  if (tag === undefined || plainTags.has(tag)) return null;
  const shown = tag.replace(/^tag:yaml\.org,2002:/, '!!');
  const message = `the tag ${shown} may make something else of the value than what stands here`;
  return { message, fix: 'remove it, and write the value as it is', text: shown };
}

/** For go-yaml the name of a value ends at another character, and the value begins. */
function named(node: Node): Fault {
  const name = isAlias(node) ? node.source : (node as Scalar).anchor;
  if (name === undefined || !/[^\w-]/.test(name)) return null;
  const message = `the name ${name} of a value holds more than letters, digits, _ and -`;
  return { message, fix: 'give it a plain name', text: name };
}

/** A merging key with a tag merges here only; and by its name it is a text there, and nothing here. */
function marked(node: Node): Fault {
  if (!isScalar(node) || (node.tag ?? node.anchor) === undefined) return null;
  const isMerging = typeof node.value === 'symbol' || (node.type === 'PLAIN' && node.source === '<<');
  if (!isMerging) return null;
  return { message: '<< bears a name or a tag', fix: 'remove it', text: '<<' };
}

/**
 * The library ends a quoted text before a line that is not indented, if a quote happens to stand there; and an empty line
 * behind a `\` is a space here and a line there.
 */
const quotes = {
  QUOTE_SINGLE: /^'[^']*(?:''[^']*)*'$/,
  QUOTE_DOUBLE: /^"[^"\\]*(?:\\(?!\r?\n[ \t]*\r?\n)[\s\S][^"\\]*)*"$/,
};

function quoted({ type, range }: Scalar, text: string): Fault {
  if (type !== 'QUOTE_SINGLE' && type !== 'QUOTE_DOUBLE') return null;
  if (quotes[type].test(text.slice(range?.[0], range?.[1]))) return null;
  const message =
    'the quoted text goes on in a line that is empty or not indented, and docker compose sees another text';
  return { message, fix: 'write it in one line' };
}

/** Between brackets go-yaml takes a `?` or `:` in front for a mark, and one behind for a mark only where a blank follows. */
function mistaken({ type, source = '', range }: Scalar, text: string): Fault {
  if (type !== 'PLAIN') return null;
  if (/^[?:]/.test(source)) {
    const message = `${source} begins with ${source[0]}, which docker compose takes for a mark between brackets`;
    return { message, fix: 'put quotes around it, or remove the mark', text: source };
  }
  const colon = /\s*:[,[\]{}]/y;
  colon.lastIndex = range?.[1] ?? 0;
  if (!colon.test(text)) return null;
  const message = `docker compose takes the colon behind ${source} for a part of it, since a bracket or comma follows`;
  return { message, fix: 'write a space behind the colon', text: source };
}
