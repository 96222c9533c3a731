import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTree } from '../../desired-state/repository.ts';
import { temporaryDirectory } from './repository-fixture.ts';

function tree(links: Record<string, string>): string {
  const root = temporaryDirectory();
  mkdirSync(path.join(root, 'services/git'), { recursive: true });
  writeFileSync(path.join(root, 'services/git/file'), '');
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(root, name));
  return root;
}

describe('symbolic links', () => {
  it.each<[string, Record<string, string>]>([
    ['to a neighbour', { a: 'services/git/file' }],
    ['up and down again', { 'services/a': '../services/git' }],
    ['to nothing', { a: 'services/none' }],
    ['over another link', { a: 'services', b: 'a/git/file' }],
  ])('that stay inside are fine: %s', async (_name, links) => {
    expect(await checkTree(tree(links))).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['absolute', { a: '/etc/passwd' }, 'a'],
    ['above the root', { 'services/a': '../../x' }, 'services/a'],
    ['out and back in', { a: '../x/services' }, 'a'],
    ['over a link that moves the ground', { 'services/up': '..', b: 'services/up/../x' }, 'b'],
    ['in circles', { a: 'a' }, 'a'],
    ['into .git', { a: '.git/config' }, 'a'],
  ])('that leave are problems: %s', async (_name, links, file) => {
    const problems = await checkTree(tree(links));
    expect(problems).toMatchObject([{ file, line: 1, severity: 'error', text: links[file] }]);
    expect(problems[0]?.message).toContain('leaves the repository');
  });
});

describe('what is no part of a config repository', () => {
  it('a nested .git, a control character, a pipe and a submodule each stand with their place', async () => {
    const root = tree({});
    mkdirSync(path.join(root, '.git'));
    mkdirSync(path.join(root, 'services/.GIT'));
    writeFileSync(path.join(root, 'bad\nname'), '');
    execFileSync('mkfifo', [path.join(root, 'pipe')]);
    writeFileSync(path.join(root, '.gitmodules'), '[submodule "x"]\n\tpath = vendor/x\n\turl = y\n');
    const problems = await checkTree(root);
    expect(problems.map(({ file, line, column }) => `${file}:${line}:${column}`)).toEqual([
      '.gitmodules:2:9',
      'bad\\nname:1:1',
      'pipe:1:1',
      'services/.GIT:1:1',
    ]);
  });
});
