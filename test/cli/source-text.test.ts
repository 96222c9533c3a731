import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readSource } from '../../cli/source-text.ts';

function repository(): string {
  const outer = mkdtempSync(path.join(tmpdir(), 'source-text-'));
  const root = path.join(outer, 'repository');
  mkdirSync(path.join(root, 'services'), { recursive: true });
  writeFileSync(path.join(outer, 'shadow'), 'root:$y$canary:1\n');
  return root;
}

it('shows no line of a file that a link reaches outside, whatever is wrong with it', () => {
  const root = repository();
  symlinkSync('../shadow', path.join(root, 'direct'));
  symlinkSync('../../repository/..', path.join(root, 'services/up'));
  expect(readSource([root], 'direct')).toBeUndefined();
  expect(readSource([root], 'services/up/shadow')).toBeUndefined();
  expect(readSource([root], '../shadow')).toBeUndefined();
});

it('follows a link that stays inside', () => {
  const root = repository();
  writeFileSync(path.join(root, 'lab.yaml'), 'version: 1\n');
  symlinkSync('lab.yaml', path.join(root, 'link'));
  expect(readSource(['/nowhere', root], 'link')).toBe('version: 1\n');
});

it('leaves secrets out, line by line', () => {
  const root = repository();
  writeFileSync(path.join(root, 'a.yml'), 'image: photo:1\nDB_PASSWORD: "Kq93hf-kanary"\nuser: "0"\n');
  writeFileSync(path.join(root, '.env'), '# who\nTZ=Europe/Rome\nANY=Kq93hf-kanary\n');
  expect(readSource([root], 'a.yml')).toBe('image: photo:1\n… (a secret)\nuser: "0"\n');
  expect(readSource([root], '.env')).toBe('# who\nTZ=…\nANY=…\n');
});

it.each([
  ['in a mapping', 'routes:\n  - host: a\n    basicAuth:\n      ada: Kq93hf-kanary\n    to: "a:1"\n', 3],
  ['in one line', 'routes:\n  - { host: a, basicAuth: { ada: Kq93hf-kanary } }\n  - { host: b }\n', 2],
  ['in braces', 'basicAuth: {\nada: Kq93hf-kanary\n}\nx: 1\n', 1],
  ['in directives', 'caddy: |\n  basicauth /a {\n  ada Kq93hf-kanary\n  }\n  encode gzip\n', 2],
  ['without braces', 'caddy: |\n  basic_auth ada Kq93hf-kanary\n  encode gzip\n', 1],
])('leaves users of routes out %s, and shows what is beside them', (_name, text, shown) => {
  const root = repository();
  writeFileSync(path.join(root, 'service.yaml'), text);
  const rows = readSource([root], 'service.yaml')?.trimEnd().split('\n') ?? [];
  expect(rows.join()).not.toContain('Kq93hf-kanary');
  expect(rows.filter((row) => row !== '… (users and passwords)').length).toBeGreaterThanOrEqual(shown);
});
