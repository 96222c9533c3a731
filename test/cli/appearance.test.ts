import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Ajv } from 'ajv';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { git, type Lab, newLab } from './lab.ts';
import { binary, projectRoot, steward } from './steward.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await newLab(['blog']);
});
afterAll(() => lab.remove());

it('colours are for those who ask: FORCE_COLOR, and NO_COLOR against it on a pipe', async () => {
  const plan = (env: Record<string, string>) => steward(['plan', ...lab.flags], { env });
  const [piped, forced, refused] = await Promise.all([
    plan({}),
    plan({ FORCE_COLOR: '1' }),
    plan({ NO_COLOR: '1' }),
  ]);
  expect(piped.stdout).not.toContain('\u001b');
  expect(refused.stdout).not.toContain('\u001b');
  expect(forced.stdout).toContain('\u001b[32m+\u001b[39m');
});

it('a hostile commit subject cannot paint the terminal', async () => {
  await using own = await disposable(['blog']);
  await own.lab.commit('x\u001b[2J\u001b]0;title\u0007\u202eevil\u009b31m', {});
  const outputs = [
    await steward(['plan', ...own.lab.flags]),
    await steward(['reconcile', '--once', ...own.lab.flags]),
    await steward(['plan', ...own.lab.flags, '--output', 'json']),
  ];
  for (const { stdout, stderr } of outputs)
    expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
});

it('on a terminal each change is told once, while it goes on', async () => {
  await using own = await disposable(['blog']);
  const command = [process.execPath, binary, 'reconcile', '--once', ...own.lab.flags].join(' ');
  const { stdout, exitCode } = await execa(
    'script',
    ['--quiet', '--return', '--command', command, '/dev/null'],
    {
      ...{ env: { TERM: 'xterm', COLUMNS: '100' }, stdin: 'ignore', timeout: 60_000 },
    },
  );
  const text = stripVTControlCharacters(stdout);
  expect(exitCode).toBe(0);
  expect(text.match(/✓ compose-stack {3}blog +created/g)).toHaveLength(1);
  expect(text).toMatch(/\d+ applied · no downtime\s*$/);
});

it('init, validate and plan lead from nothing to a plan', async () => {
  const root = join(lab.root, 'mine');
  const init = await steward(['init', root]);
  expect(init).toMatchObject({ code: 0, stderr: '' });
  const validate = await steward(['validate', root, '--compose', 'built-in', '--output', 'json']);
  expect(validate).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(validate.stdout)).toMatchObject({ valid: true, compose: 'built-in' });
  await git(root, 'init', '--quiet', '--initial-branch=main');
  await git(root, 'add', '--all');
  await git(root, 'commit', '--quiet', '--message', 'Mine');
  const flags = ['--host', 'simulator', '--repo', root, '--state-dir', join(lab.root, 'mine-state')];
  expect(await steward(['plan', ...flags])).toMatchObject({ code: 2, stderr: '' });
});

it.each(['', 'snapshot', 'recover'])('the help of steward %s keeps to 80 columns', async (command) => {
  const { stdout } = await steward([...command.split(' ').filter(Boolean), '--help']);
  expect(stdout).toContain(`Usage: steward ${command}`);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

it('init in the folder itself says so', async () => {
  const root = join(lab.root, 'here');
  mkdirSync(root);
  const { stdout } = await steward(['init'], { cwd: root });
  expect(stdout).toBe('Wrote a config repository here.\nNext: look at lab.yaml, then: steward validate\n');
  const { stdout: elsewhere } = await steward(['init', 'mine'], { cwd: root });
  expect(elsewhere).toBe(
    'Wrote a config repository to mine.\nNext: look at mine/lab.yaml, then: steward validate mine\n',
  );
});

it('init overwrites nothing', async () => {
  const root = join(lab.root, 'work');
  const { code, stderr } = await steward(['init', root]);
  expect(code).toBe(1);
  expect(stderr).toContain('nothing was written');
});

it.each([
  ['lab', 'lab.yaml'],
  ['service', 'services/photo/service.yaml'],
])('schema %s prints the JSON Schema that takes %s of the example', async (name, example) => {
  const { stdout, code } = await steward(['schema', name]);
  expect(code).toBe(0);
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(stdout));
  expect(validate(parse(readFileSync(join(projectRoot, example), 'utf8')))).toBe(true);
  expect(validate({ version: 1, nonsense: true })).toBe(false);
  expect(stdout).toBe(readFileSync(join(projectRoot, 'schemas', `${name}.schema.json`), 'utf8'));
});

it('npm run steward -- --version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const { stdout } = await execa('npm', ['run', '--silent', 'steward', '--', '--version'], {
    cwd: projectRoot,
  });
  expect(stdout).toBe(version);
});

async function disposable(names: string[]): Promise<{ lab: Lab } & AsyncDisposable> {
  const own = await newLab(names);
  return { lab: own, [Symbol.asyncDispose]: async () => own.remove() };
}
