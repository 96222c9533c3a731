import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeLock } from '../../reconciler/state/lock.ts';
import { type Lab, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** What goes wrong before anything was looked at: a sentence, exit 1, and no stack trace. */
let lab: Lab;
let empty: string;
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  lab = await newLab();
  empty = mkdtempSync(join(tmpdir(), 'steward-cli-empty-'));
  writeFileSync(join(empty, 'steward.yaml'), 'repositry: /srv/lab.git\n');
});
afterAll(() => {
  lab.remove();
  rmSync(empty, { recursive: true });
});

it.each<[string, string[], RegExp]>([
  ['an unknown command', ['plam'], /Did you mean plan\?/],
  ['an unknown option', ['plan', '--outptu', 'json'], /Did you mean --output\?/],
  ['an unknown format', ['plan', '--output', 'xml'], /Allowed choices are text, json/],
  ['an unknown host', ['plan', '--host', 'simulater'], /Allowed choices are local, simulator/],
  ...['status', 'why photo', 'retry photo', 'forget backup:photo', 'backup history'].map(
    (command): [string, string[], RegExp] => [
      `a repository, which ${command} does not read,`,
      [...command.split(' '), '--repo', '/nowhere'],
      /unknown option '--repo'/,
    ],
  ),
  ['a schema that is not there', ['schema', 'labs'], /there are schemas of lab and service/],
])('%s is refused', async (_name, args, words) => {
  expectRefusal(await steward(args), words);
});

it.each<[string, () => string[], RegExp]>([
  ['no repository', () => [], /no repository: give --repo/],
  ['a repository that is not there', () => ['--repo', join(empty, 'none')], /none/],
  ['a folder that is no repository', () => ['--repo', empty], /there is no Git repository there/],
  ['a branch that is not there', () => ['--repo', lab.remote, '--branch', 'mian'], /mian/],
  ['a bootstrap file with an unknown key', () => ['--config', join(empty, 'steward.yaml')], /repositry/],
  ['a bootstrap file that is not there', () => ['--config', join(empty, 'x.yaml')], /x\.yaml cannot be read/],
])('%s is refused', async (_name, flags, words) => {
  const given = ['--host', 'simulator', '--state-dir', join(empty, 'state'), ...flags()];
  expectRefusal(await steward(['plan', ...given]), words);
});

it('a time to wait that is no number is refused', async () => {
  expectRefusal(await steward(['reconcile', '--once', '--wait', 'long', ...lab.flags]), /--wait long/);
});

it('a folder without lab.yaml does not validate', async () => {
  expectRefusal(await steward(['validate', empty]), /has no lab\.yaml/);
});

it('what Git ignores is no part of the repository: a demo that was run in it does no harm', async () => {
  const root = join(empty, 'with-demo');
  mkdirSync(join(root, 'services'), { recursive: true });
  execFileSync('git', ['init', '-q', root]);
  writeFileSync(join(root, 'lab.yaml'), 'version: 1\nname: homelab\n');
  execFileSync('git', ['init', '-q', join(root, '.steward/demo/lab')]);
  const validate = () => steward(['validate', root, '--compose', 'built-in']);
  expect((await validate()).stdout).toContain('.steward/demo/lab/.git:1:1: error: a Git repository inside');
  writeFileSync(join(root, '.gitignore'), '.steward/\n');
  expect(await validate()).toMatchObject({ code: 0, stderr: '' });
});

it('files that are not right do not validate: each problem is told with its line and what to write', async () => {
  const root = join(empty, 'bad');
  mkdirSync(root);
  writeFileSync(join(root, 'lab.yaml'), 'version: 1\nname: homelab\nlimit: { parallel: 0 }\n');
  const { code, stdout, stderr } = await steward(['validate', root, '--compose', 'built-in']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toContain(
    'lab.yaml:3:1: error: unknown key "limit"\n  3 | limit: { parallel: 0 }\n    | ^^^^^\n',
  );
  expect(stdout).toContain('fix: write limits');
});

it('a value of .env that is part of a name does not hide the name, and as a word of its own it is hidden', async () => {
  const root = join(empty, 'named');
  mkdirSync(join(root, 'services/blog'), { recursive: true });
  writeFileSync(join(root, 'lab.yaml'), 'version: 1\nname: homelab\n');
  writeFileSync(join(root, 'services/blog/.env'), 'USER_NAME=ghost\n');
  const file = 'services:\n  blog-ghost: { image: a, restrat: always }\n';
  writeFileSync(join(root, 'services/blog/docker-compose.yml'), file);
  const named = await steward(['validate', root, '--compose', 'built-in']);
  expect(named.stdout).toContain('services.blog-ghost ');
  writeFileSync(
    join(root, 'services/blog/docker-compose.yml'),
    'services:\n  web: { image: a, cpus: "${USER_NAME}" }\n',
  );
  const quoted = await steward(['validate', root, '--compose', 'built-in']);
  expect(quoted.code).toBe(1);
  expect(quoted.stdout).not.toContain('ghost');
});

it('status of a lab that was never looked at exits 1 and says what to do', async () => {
  const result = await steward(['status', '--state-dir', join(empty, 'new')]);
  expect(result).toMatchObject({ code: 1, stderr: '' });
  expect(result.stdout).toContain('no cycle yet: steward reconcile');
});

it('a state folder that cannot be written stops everything', async () => {
  const stateDir = join(lab.root, 'locked');
  mkdirSync(stateDir);
  chmodSync(stateDir, 0o555);
  chmodSync(lab.root, 0o755);
  const flags = ['--host', 'simulator', '--repo', lab.remote, '--state-dir', stateDir];
  const nobody = isRoot ? { uid: 65_534, gid: 65_534 } : {};
  expectRefusal(await steward(['reconcile', '--once', ...flags], nobody), /state\.db cannot be used/);
});

it('a damaged state.db stops everything and says what to do', async () => {
  const stateDir = join(lab.root, 'damaged');
  mkdirSync(stateDir);
  writeFileSync(
    join(stateDir, 'state.db'),
    'this is not a database, and long enough to be looked at\n'.repeat(99),
  );
  const flags = ['--host', 'simulator', '--repo', lab.remote, '--state-dir', stateDir];
  expectRefusal(await steward(['reconcile', '--once', ...flags]), /state\.db is damaged .*Move it away/);
});

/** With the state on a small disk of its own. */
async function onDisk(size: string, action: (stateDir: string, flags: string[]) => Promise<void>) {
  const stateDir = mkdtempSync(join(lab.root, 'disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', stateDir]);
  try {
    await action(stateDir, ['--host', 'simulator', '--repo', lab.remote, '--state-dir', stateDir]);
  } finally {
    execFileSync('umount', ['--lazy', stateDir]);
  }
}

it.runIf(isRoot)('a full disk stops everything before the host is touched', () =>
  onDisk('96k', async (_stateDir, flags) => {
    const result = await steward(['reconcile', '--once', ...flags]);
    expectRefusal(result, /is full; free some space/);
    expect(result.stderr).not.toContain('created');
  }),
);

/** All the room there is, but for so much. */
const fill = (stateDir: string, leaveBytes: number) => {
  const { bavail, bsize } = statfsSync(stateDir);
  writeFileSync(join(stateDir, 'fill'), Buffer.alloc(bavail * bsize - leaveBytes));
};

it.runIf(isRoot).each([
  ['nothing at all', 0],
  ['hardly anything', 4096],
])('a disk that has become full is called that, where %s is left', (_what, leaveBytes) =>
  onDisk('8m', async (stateDir, flags) => {
    expect(await steward(['reconcile', '--once', ...flags])).toMatchObject({ code: 0 });
    fill(stateDir, leaveBytes);
    for (const command of [
      ['reconcile', '--once', ...flags],
      ['plan', ...flags],
      ['status', '--state-dir', stateDir],
    ])
      expectRefusal(await steward(command), /is full; free some space/);
  }),
);

it.runIf(isRoot)('a lock that cannot be taken on a full disk says so', () =>
  onDisk('256k', async (stateDir) => {
    fill(stateDir, 0);
    const take = () => takeLock(stateDir, { command: 'reconcile', sinceMs: 0 }, 0);
    expect(take).toThrow(/lock\S* is full; free some space/);
  }),
);
