import { readdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { checkTree } from '../../desired-state/repository.ts';
import type { Problem } from '../../desired-state/types.ts';
import { commandOf } from '../../reconciler/apply/command.ts';
import { type Files, labFolder, load, smallLab } from './lab-folder.ts';

/** A repository of somebody who means harm: a clear refusal, and nothing is reached. */
async function read(files: Files) {
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/other/compose.yml': compose,
    ...files,
  });
  return { result: await load(folder.root, { as: '/checkout', compose: builtInReader() }) };
}

async function refusal(files: Files): Promise<string[]> {
  const { result } = await read(files);
  if (result.ok) throw new Error('it was taken');
  return result.problems.map(({ file, line, message }) => `${file}:${line} ${message}`);
}

const shell = '$(touch /tmp/reached)`touch /tmp/reached`;touch /tmp/reached|touch /tmp/reached\n&& "\'';
/** As a compose file has it: `$` stands for itself. */
const literal = shell.replaceAll('$', '$$$$');
const compose = 'services:\n  web: { image: "web:1" }\n';

test('a bomb of aliases is put out before it goes off', async () => {
  const level = (n: number) =>
    `x${n}: &x${n} [${Array.from({ length: 9 }, () => `*x${n - 1}`).join(', ')}]\n`;
  const bomb = `x0: &x0 ["lol"]\n${[1, 2, 3, 4, 5, 6, 7, 8, 9].map(level).join('')}${compose}`;
  expect(await refusal({ 'services/bomb/compose.yml': bomb })).toEqual([
    expect.stringMatching(/^services\/bomb\/compose.yml:\d+ .*alias/i),
  ]);
  expect(await refusal({ 'lab.yaml': `${bomb}${smallLab}` })).toEqual([
    expect.stringMatching(/^lab.yaml:\d+ .*alias/i),
  ]);
});

test('a file that is too deep, or is no text', async () => {
  expect(await refusal({ 'services/deep/compose.yml': `x: ${'['.repeat(50_000)}` })).toHaveLength(1);
  expect(await refusal({ 'services/raw/compose.yml': new Uint8Array([0xff, 0xfe, 0x00]) })).toHaveLength(1);
  expect(await refusal({ 'lab.yaml': new Uint8Array([0xff, 0xfe, 0x00]) })).toEqual([
    'lab.yaml:1 the file is not UTF-8 text',
  ]);
});

test.each(['a b', '-rf', 'a;reboot', 'A$(id)', 'é', 'a\nb'])(
  'a service of the name %j is no service',
  async (name) => {
    expect(await refusal({ [`services/${name}/compose.yml`]: compose })).toHaveLength(1);
  },
);

test.each(['...', '..photo', '_x'])('nor is one of the name %j, which is not looked at', async (name) => {
  const { result } = await read({ [`services/${name}/compose.yml`]: compose });
  expect(result.ok && result.state.services).toEqual(['other']);
});

const places: [where: string, files: (text: string) => Files][] = [
  ['the name of a container', (text) => file({ container_name: text })],
  ['an image', (text) => file({ image: text })],
  ['a network', (text) => top(`networks: { n: { name: ${text}, external: true } }\n`, 'networks: [n]')],
  ['a volume', (text) => top(`volumes: { data: { name: ${text} } }\n`, 'volumes: ["data:/v"]')],
  ['the name of the lab', (text) => ({ 'lab.yaml': smallLab.replace('homelab', text) })],
  ['a dataset', (text) => ({ 'lab.yaml': smallLab.replace('tank/services', text) })],
  ['an owner', (text) => ({ 'lab.yaml': `${smallLab}owners: { ${text}: 1 }\n` })],
  ['a group', (text) => ({ 'lab.yaml': `${smallLab}sharedGroup: ${text}\n` })],
  ['a registry', (text) => ({ 'lab.yaml': `${smallLab}registries: { ${text}: {} }\n` })],
  ['a directory', (text) => service(`directories: [{ path: ${text} }]`)],
  ['a mode', (text) => service(`directories: [{ path: a, mode: ${text} }]`)],
  ['a child dataset', (text) => service(`dataset: { children: { ${text}: {} } }`)],
  ['a property', (text) => service(`dataset: { properties: { ${text}: on } }`)],
  ['the value of a property', (text) => service(`dataset: { properties: { recordsize: ${text} } }`)],
  ['a host', (text) => service(`routes: [{ host: ${text}, to: "web:80" }]`)],
  ['a target', (text) => service(`routes: [{ host: a, to: ${text} }]`)],
  ['a path of a route', (text) => service(`routes: [{ host: a, to: "web:80", path: ${text} }]`)],
  ['a header', (text) => service(`routes: [{ host: a, to: "web:80", headers: { ${text}: x } }]`)],
  ['a redirect', (text) => service(`routes: [{ host: a, redirect: ${text} }]`)],
  ['a schedule', (text) => service(`backup: { schedule: ${text} }`)],
  ['a dependency', (text) => service(`deploy: { dependsOn: [${text}] }`)],
  ['a rule', (text) => service(`policy: { allow: [{ rule: ${text}, reason: x }] }`)],
];

function file(web: Record<string, string>): Files {
  const lines = Object.entries({ image: 'web:1', ...web }).map(([key, text]) =>
    text.startsWith('"') ? `${key}: ${text}` : `${key}: ${JSON.stringify(text)}`,
  );
  return { 'services/web/compose.yml': `services: { web: { ${lines.join(', ')} } }\n` };
}

function top(below: string, web: string): Files {
  return { 'services/web/compose.yml': `services: { web: { image: "web:1", ${web} } }\n${below}` };
}

function service(text: string): Files {
  return { 'services/web/compose.yml': compose, 'services/web/service.yaml': `${text}\n` };
}

test.each(places)('shell in %s is refused with its line', async (_where, files) => {
  const problems = await refusal(files(JSON.stringify(literal)));
  for (const problem of problems) expect(problem).toMatch(/^(lab\.yaml|services\/web\/[a-z]+\.ya?ml):\d+ /);
});

test('where any text may stand, it stays one word', async () => {
  const { result } = await read({
    'services/web/compose.yml': `services: { web: { image: "web:1", command: ${JSON.stringify([literal])}, environment: { A: ${JSON.stringify(literal)} }, labels: { a: ${JSON.stringify(literal)} }, user: ${JSON.stringify(literal)} } }\n`,
  });
  // Compose itself gets the file; nothing of it is ever on a command line.
  if (!result.ok) expect(result.problems.map(({ line }) => line)).not.toEqual([]);
  const stack = { project: 'web', directory: '/checkout/services/web', files: [], envFiles: [] };
  const line = commandOf({
    ...{ op: 'compose-up', services: [shell], build: false, forceRecreate: false, guards: [] },
    stack: { ...stack, override: null },
  });
  expect(line.endsWith(` '${shell.replaceAll("'", "'\\''")}'`)).toBe(true);
});

test('links out of the tree are refused before anything is read', async () => {
  await using folder = await labFolder({ 'lab.yaml': smallLab, 'services/web/compose.yml': compose });
  await symlink('/etc/shadow', path.join(folder.root, 'services/web/.env'));
  await symlink('../../..', path.join(folder.root, 'services/up'));
  const found: Problem[] = await checkTree(folder.root);
  expect(found.map((each) => each.file).sort()).toEqual(['services/up', 'services/web/.env']);
  const result = await load(folder.root, { as: '/checkout', compose: builtInReader() });
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).not.toContain('root:');
  expect(await readdir('/tmp')).not.toContain('reached');
});
