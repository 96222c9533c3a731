import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLab } from '../cli/lab.ts';
import { projectRoot, start } from '../cli/steward.ts';

/** What `npm install homelab-steward` gives a person: packed by npm, unpacked where no library is near. */
const dir = mkdtempSync(join(tmpdir(), 'steward-package-'));
const steward = (...args: string[]) => execa(join(dir, 'bin/steward'), args, { ...plain, reject: false });
// As in a service of systemd: no node in the path, or an old one.
const plain = { cwd: dir, extendEnv: false, env: { PATH: join(dir, 'path'), HOME: dir } };

beforeAll(async () => {
  const PATH = `${join(process.execPath, '..')}:${process.env.PATH}`;
  await execa('npm', ['pack', '--silent', '--pack-destination', dir], { cwd: projectRoot, env: { PATH } });
  await execa('tar', ['-xzf', 'homelab-steward-0.1.0.tgz'], { cwd: dir });
  // What npm makes of it: its only dependency that is needed at run time, and a link to the program.
  for (const folder of ['package/node_modules/node/bin', 'bin', 'path'])
    mkdirSync(join(dir, folder), { recursive: true });
  symlinkSync(process.execPath, join(dir, 'package/node_modules/node/bin/node'));
  symlinkSync('../package/bin/steward', join(dir, 'bin/steward'));
  for (const program of ['sh', 'dirname', 'readlink', 'git'])
    symlinkSync(join('/usr/bin', program), join(dir, 'path', program));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the packed package', () => {
  test('holds its program and no TypeScript', () => {
    expect(existsSync(join(dir, 'package/dist/app/main.js'))).toBe(true);
    expect(existsSync(join(dir, 'package/cli'))).toBe(false);
  });

  test('knows its version', async () => {
    expect(await steward('--version')).toMatchObject({ stdout: '0.1.0', stderr: '', exitCode: 0 });
  });

  test('writes a repository to start from, checks it, plans it and applies it', async () => {
    expect(await steward('init', 'lab')).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(dir, 'lab/.gitignore'))).toBe(true);
    const checked = await steward('validate', 'lab', '--compose', 'built-in');
    expect(checked).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Valid: /m) });
    expect(checked.stdout).toContain('no data of this lab is in a backup');
    await execa('git', ['init', '--quiet', '--initial-branch=main'], { cwd: join(dir, 'lab') });
    const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@homelab.lan'];
    await execa('git', ['add', '--all'], { cwd: join(dir, 'lab') });
    await execa('git', [...author, 'commit', '--quiet', '--message', 'First'], { cwd: join(dir, 'lab') });
    const flags = ['--host', 'simulator', '--repo', join(dir, 'lab'), '--state-dir', join(dir, 'state')];
    expect(await steward('plan', ...flags)).toMatchObject({ exitCode: 2, stderr: '' });
    expect(await steward('reconcile', '--once', ...flags)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await steward('plan', ...flags)).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

test('all of a long output arrives where standard output is a socket, as behind ssh', async () => {
  const lab = await newLab(Array.from({ length: 150 }, (_, at) => `service-${at}`));
  const server = createServer();
  try {
    const read = new Promise<string>((resolve) => server.on('connection', (end) => resolve(text(end))));
    const socket = await connectedTo(server, join(dir, 'output'));
    const child = start(['plan', '--output', 'json', ...lab.flags], { stdout: socket, stderr: 'pipe' });
    socket.destroy();
    expect((await child).exitCode).toBe(2);
    const output = await read;
    expect(output.length).toBeGreaterThan(400_000);
    expect((JSON.parse(output) as { changes: unknown[] }).changes.length).toBeGreaterThan(450);
  } finally {
    server.close();
    lab.remove();
  }
});

async function connectedTo(server: ReturnType<typeof createServer>, path: string): Promise<Socket> {
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const socket = connect(path);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return socket;
}
