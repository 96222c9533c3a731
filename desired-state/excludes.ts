import path from 'node:path';
import { boundedTest } from './bounded-regex.ts';

/**
 * What patterns of Borg leave out of an archive, told without Borg. Source: `borg help patterns`, and tried on a real tree
 * (test/desired-state/excludes.test.ts). Paths are relative to the dataset's root.
 */

type Matches = (file: string) => boolean;

/** The first pattern that leaves out the folder with everything in it; null where an archive may hold some of it. */
export function leftOutBy(patterns: readonly string[], folder: string): string | null {
  const compiled = patterns.map((pattern) => ({ pattern, matches: compile(pattern) }));
  const of = (file: string) => compiled.find(({ matches }) => matches(file))?.pattern;
  // What is inside a folder that is left out is not even looked at.
  const whole = lineage(folder).flatMap((file) => of(file) ?? [])[0];
  if (whole !== undefined) return whole;
  const inside = strangers.map((name) => of(folder === '' ? name : `${folder}/${name}`));
  return inside.every((pattern) => pattern !== undefined) ? (inside[0] ?? null) : null;
}

/** A pattern such as `cache/**` is for whatever is in there: it takes names that have nothing in common. */
const strangers = ['x', '.hidden', 'A long name, with (signs) and 123.jpeg', '~0', 'ü'];

/** The folder itself and those that it is in, the outermost first. */
function lineage(folder: string): string[] {
  const parts = folder.split('/').filter((part) => part !== '');
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}

/** Without a style of its own a pattern of `--exclude` is of the style `fm`. */
function compile(pattern: string): Matches {
  const [, style = 'fm', text = ''] = /^(?:(fm|sh|re|pp|pf):)?(.*)$/s.exec(pattern) ?? [];
  const plain = path.posix.normalize(text).replace(/^\/+|\/+$/g, '');
  switch (style) {
    case 're':
      return regularExpression(text);
    case 'pf':
      return (file) => file === plain;
    case 'pp':
      return (file) => file === plain || file.startsWith(`${plain}/`);
    default:
      return shellStyle(style === 'sh', plain, text.endsWith('/'));
  }
}

/**
 * One that is none leaves nothing out: Borg refuses it, and no archive is made with it. One that comes to no end is told as
 * if it left everything out.
 */
function regularExpression(text: string): Matches {
  try {
    const regex = new RegExp(text, 's');
    return (file) => boundedTest(regex, file, true);
  } catch {
    return () => false;
  }
}

/** With a slash at its end it is for what is inside, not for the folder. */
function shellStyle(isStrict: boolean, plain: string, isInside: boolean): Matches {
  const any = isStrict ? '**/*' : '*';
  const regex = new RegExp(`^${translate(`${plain}/${isInside ? `${any}/` : any}`, isStrict)}$`, 's');
  return (file) => boundedTest(regex, `${file}/`, true);
}

/** `fm`: `*` and `?` stand for slashes too. `sh`: they do not, and `**` with a slash stands for any number of folders. */
function translate(pattern: string, isStrict: boolean): string {
  const one = isStrict ? '[^/]' : '.';
  return pattern.replace(/\*\*\/|\*+|\?|\[!?\]?[^\]]*\]|[^*?[]+|\[/g, (token) => {
    if (token === '**/') return isStrict ? '(?:[^/]*/)*' : '.*/';
    if (token.startsWith('*')) return `${one}*`;
    if (token === '?') return one;
    if (token.startsWith('[') && token.length > 1) return characters(token.slice(1, -1));
    return token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
}

function characters(inside: string): string {
  const isNot = inside.startsWith('!');
  const set = (isNot ? inside.slice(1) : inside).replace(/[\\\]^[&~|]/g, '\\$&');
  return `[${isNot ? '^' : ''}${set}]`;
}
