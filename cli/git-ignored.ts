import type { Problem } from '../desired-state/types.ts';
import { run } from '../tools/run.ts';

/**
 * Without the problems of files that Git ignores: they never come to be in a commit. Tracked ones count, whatever
 * .gitignore says. Where Git does not answer, or there is no repository, all of them count.
 */
export async function notIgnored(root: string, problems: Problem[]): Promise<Problem[]> {
  if (problems.length === 0) return problems;
  const input = problems.map(({ file }) => `${file}\0`).join('');
  const asked = await run('git', ['-C', root, 'check-ignore', '-z', '--stdin'], { input }).catch(() => null);
  // 1: none of them is.
  if (asked === null || asked.exitCode !== 0) return problems;
  const ignored = new Set(asked.stdout.split('\0'));
  return problems.filter(({ file }) => !ignored.has(file));
}
