import path from 'node:path';
import { boundedTest } from './bounded-regex.ts';
import type { RepositoryFiles, Skip } from './files.ts';

/**
 * What `.dockerignore` of a build context leaves out: `*`, `**`, `?`, `!` and comments, the last match winning.
 * Roughly, because a file too many only rebuilds once too often. A directory is skipped as a whole only where no
 * `!` line could bring something below it back.
 */
export async function dockerIgnore(files: RepositoryFiles, context: string): Promise<Skip | undefined> {
  const content = files.read(path.posix.join(context, '.dockerignore'));
  if (content === null) return undefined;
  const rules = new TextDecoder().decode(content.bytes).split('\n').flatMap(parseRule);
  const bringsBack = rules.some((rule) => rule.keep);
  return (file, directory) =>
    !(directory && bringsBack) && isIgnored(rules, path.posix.relative(context, file));
}

interface Rule {
  keep: boolean;
  form: RegExp;
}

function parseRule(line: string): Rule[] {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return [];
  const keep = trimmed.startsWith('!');
  const pattern = path.posix.normalize(keep ? trimmed.slice(1).trim() : trimmed).replace(/^\/|\/$/g, '');
  return [{ keep, form: globExpression(pattern) }];
}

/** Matches the path itself and all that is below it. */
function globExpression(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*|\?/g, (glob) => globs[glob] ?? glob);
  try {
    return new RegExp(`^${source}(/.*)?$`);
  } catch {
    return /^$/;
  }
}

const globs: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };

function isIgnored(rules: Rule[], file: string): boolean {
  let ignored = false;
  for (const rule of rules) if (boundedTest(rule.form, file, false)) ignored = !rule.keep;
  return ignored;
}
