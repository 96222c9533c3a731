import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stopSignal } from '../../cli/commands/reconcile.ts';
import { newLab } from './lab.ts';
import { projectRoot, start } from './steward.ts';
import { tracedHost } from './traced-host.ts';
import { backedUp } from './traced-tools.ts';

/** SIGTERM of systemd, Ctrl-C at a terminal and a lost connection, while a tool runs. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'steward-stop-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const isThere = (name: string) => expect.poll(() => existsSync(at(name)), { timeout: 20_000 }).toBe(true);

/** A dead one that nobody has asked for is there all the same. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const begin = 'echo $$ > $D/pid; mv $D/pid $D/begun';
/** Ends when `go` is there, and takes no notice of being told to end otherwise. */
const slow = `trap '' TERM; ${begin}; until [ -e $D/go ]; do sleep 0.05; done; echo done`;

/** A step that is waited for whatever comes, as one is that puts something right; a group of its own, as in a terminal. */
function atWork(script: string) {
  const code = `
    import { onStopSignals } from ${JSON.stringify(join(projectRoot, 'cli/stop-signals.ts'))};
    import { callTool } from ${JSON.stringify(join(projectRoot, 'reconciler/apply/tool.ts'))};
    onStopSignals((name) => {
      console.log('told ' + name);
      // As npm hands on what the terminal has sent already.
      process.kill(process.pid, name);
    });
    console.log(await callTool(['sh', '-c', ${JSON.stringify(script)}], { commands: {}, timeoutMs: 60_000 }));`;
  const env = { ...process.env, D: folder };
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { detached: true, env });
  const said = text(child.stdout);
  const ended = once(child, 'exit');
  return {
    /** As the kernel does it at Ctrl-C: to all of the group in the foreground. */
    press: (name: NodeJS.Signals) => process.kill(-(child.pid ?? 0), name),
    pid: child.pid ?? 0,
    ended: async () => ({ said: await said, how: await ended }),
  };
}

describe('a step under way', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('comes to its end at %s, tools and all', async (name) => {
    const work = atWork(slow);
    await isThere('begun');
    work.press(name);
    writeFileSync(at('go'), '');
    expect(await work.ended()).toEqual({ said: `told ${name}\ndone\n\n`, how: [0, null] });
  });

  it('ends with the process at the second signal', async () => {
    const work = atWork(`${begin}; exec sleep 60`);
    await isThere('begun');
    const again = setInterval(() => work.press('SIGINT'), 200);
    const { said, how } = await work.ended().finally(() => clearInterval(again));
    expect({ said, how }).toEqual({ said: 'told SIGINT\n', how: [130, null] });
    await expect.poll(() => lives(Number(readFileSync(at('begun'), 'utf8')))).toBe(false);
  });
});

it('a daemon that is told to stop while ZFS does not answer stops as one that was told', async () => {
  const lab = await newLab([]);
  const bin = at('bin');
  mkdirSync(bin);
  const tools = { zpool: `${begin}; exec sleep 60`, zfs: 'exec sleep 60', docker: 'echo 2.26.1' };
  for (const [name, script] of Object.entries(tools))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const flags = ['--repo', lab.remote, '--state-dir', lab.stateDir, '--listen', '127.0.0.1:0'];
  const env = { PATH: `${bin}:${process.env.PATH}`, D: folder, DOCKER_HOST: `unix://${at('docker.sock')}` };
  const child = start(['reconcile', ...flags], { env });
  try {
    await isThere('begun');
    // Execa's own would kill it after five seconds.
    process.kill(child.pid ?? 0, 'SIGTERM');
    const { exitCode, signal, stderr } = await child;
    expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: undefined });
    expect(String(stderr)).toMatch(/stopping after the step under way(?:.|\n)*"msg":"stopped"/);
  } finally {
    lab.remove();
  }
});

it('a backup that is told to stop in the middle of its snapshot starts what it has stopped', async () => {
  const lab = await newLab([]);
  await lab.commit('Back up', backedUp(lab, ['blog']));
  await using host = await tracedHost(lab, ['blog'], stopSignal());
  const zfs = join(lab.root, 'bin/zfs');
  const snapshot = 'echo "zfs snapshot" >> "$LOG";';
  writeFileSync(zfs, readFileSync(zfs, 'utf8').replace(snapshot, `${snapshot} exec sleep 60;`));
  const ended = host.backup('blog');
  const calls: string[] = [];
  const isAsked = () => calls.push(...host.calls()) > 0 && calls.includes('zfs snapshot');
  await expect.poll(isAsked, { timeout: 20_000 }).toBe(true);
  process.kill(process.pid, 'SIGINT');
  expect(await ended).toBe(1);
  const done = host.calls().filter((call) => !call.startsWith('docker GET'));
  // Whatever else it took: the last that is done to them is the start. Then it looks for a snapshot to destroy.
  expect(done.slice(-3)).toEqual([
    'docker POST /containers/blog-store/start',
    'docker POST /containers/blog-web/start',
    'zfs get',
  ]);
  lab.remove();
});
