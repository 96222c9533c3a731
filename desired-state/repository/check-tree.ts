import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { errorAt } from '../problems.ts';
import type { Problem } from '../types.ts';
import { hasControl } from './source.ts';

/**
 * What in a config repository points out of it, or is not part of it: symbolic links that leave `root`, submodules,
 * nested repositories, names with control characters. Nothing is followed or read behind a link. `root` itself may be
 * a clone, whose .git is passed over. Problems stand at line 1, column 1 of the path; the text is a link's target.
 */
export async function checkTree(root: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  await visit(await realpath(root), '', problems);
  return problems;
}

async function visit(root: string, folder: string, problems: Problem[]): Promise<void> {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.posix.join(folder, entry.name);
    if (file === '.git') continue;
    const found = await judge(root, file, entry);
    problems.push(...found);
    if (entry.isDirectory() && found.length === 0) await visit(root, file, problems);
  }
}

async function judge(root: string, file: string, entry: Dirent): Promise<Problem[]> {
  const at = { file: printable(file), line: 1, column: 1 };
  if (hasControl(entry.name)) {
    return [errorAt(at, 'the name contains a control character', 'rename it', printable(entry.name))];
  }
  if (entry.name.toLowerCase() === '.git') {
    return [errorAt(at, 'a Git repository inside the repository', 'commit its files instead')];
  }
  if (file === '.gitmodules') return submodules(path.join(root, file), entry);
  if (entry.isSymbolicLink()) {
    const target = await readlink(path.join(root, file));
    if (await staysInside(root, file, target)) return [];
    const fix = 'link to a file inside, or commit the file itself';
    return [errorAt(at, 'the symbolic link leaves the repository', fix, printable(target))];
  }
  if (entry.isFile() || entry.isDirectory()) return [];
  return [errorAt(at, 'neither a file nor a folder nor a symbolic link', 'remove it')];
}

async function submodules(file: string, entry: Dirent): Promise<Problem[]> {
  const at = { file: '.gitmodules', line: 1, column: 1 };
  const fix = 'commit the files themselves';
  if (!entry.isFile()) return [errorAt(at, 'submodules are not fetched', fix)];
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, index) => {
    const found = /^(\s*path\s*=\s*)(.*\S)/.exec(line);
    if (found === null) return [];
    const place = { ...at, line: index + 1, column: (found[1]?.length ?? 0) + 1 };
    return [errorAt(place, 'submodules are not fetched', fix, found[2])];
  });
}

/**
 * Walks the target part by part, links on the way included, as the kernel would; ends at the first step outside and
 * after 40 links, the kernel's own limit. A target that does not exist is inside as long as its path is.
 */
async function staysInside(root: string, file: string, target: string): Promise<boolean> {
  let links = 1;
  let at = path.posix.dirname(file);
  let rest = target.split('/');
  if (target.startsWith('/')) return false;
  while (rest.length > 0) {
    const part = rest.shift() ?? '';
    at = path.posix.join(at, part);
    if (at === '..' || at.startsWith('../') || part.toLowerCase() === '.git') return false;
    const isLink = await lstat(path.join(root, at)).then(
      (stat) => stat.isSymbolicLink(),
      () => false,
    );
    if (!isLink) continue;
    const next = await readlink(path.join(root, at));
    links += 1;
    if (next.startsWith('/') || links > 40) return false;
    rest = [...next.split('/'), ...rest];
    at = path.posix.dirname(at);
  }
  return true;
}

function printable(text: string): string {
  return [...text].map((char) => (hasControl(char) ? JSON.stringify(char).slice(1, -1) : char)).join('');
}
