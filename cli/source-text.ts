import { readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isEnvironment, plainSecrets } from '../desired-state/secrets/plain.ts';

/**
 * A file of the repository as it may be shown beside a problem: undefined where it cannot be read or is reached by a link
 * that leaves the root, since a problem may well be about that link. Secrets that stand in it in plain are left out, line
 * by line, and so are users of routes and every value of an environment file.
 */
export function readSource(roots: readonly string[], file: string): string | undefined {
  for (const root of roots) {
    try {
      const inside = realpathSync(root);
      const real = realpathSync(join(root, file));
      if (real.startsWith(inside + sep)) return withheld(file, readFileSync(real, 'utf8'));
    } catch {
      // The next one, or none: the problem is shown without its line.
    }
  }
  return undefined;
}

function withheld(file: string, text: string): string {
  const rows = text.split('\n');
  if (isEnvironment(file)) return rows.map((row) => row.replace(/=.+/, '=…')).join('\n');
  for (const { line } of plainSecrets(file, text)) rows[line - 1] = '… (a secret)';
  return withoutUsers(rows).join('\n');
}

/** `basicAuth` of a route, or the directive: its line and what is below it, hashes or what should have been such. */
function withoutUsers(rows: readonly string[]): string[] {
  let open: { depth: number; isBlock: boolean } | null = null;
  return rows.map((row) => {
    const depth = row.search(/\S/);
    if (/basic[_-]?auth/i.test(row)) open = { depth, isBlock: /\{\s*$/.test(row) };
    else if (open === null || (depth >= 0 && depth <= open.depth && !open.isBlock)) {
      open = null;
      return row;
    } else if (row.includes('}')) open = { ...open, isBlock: false };
    return '… (users and passwords)';
  });
}
