import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, createWriteStream, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run, runOk } from '../tools/run.ts';

/** A Docker daemon of the bench's own: nothing that the machine's one holds is seen or touched. */
export interface Daemon extends AsyncDisposable {
  /** What `docker`, compose and Steward need to find it. */
  env: { DOCKER_HOST: string; DOCKER_CONFIG: string };
  version: string;
  composeVersion: string;
}

/** Any stack's image: a busybox that does not need the network. */
export const image = 'steward-bench:1';

/** Throws with one sentence when it does not start. `dockerConfig`: the folder with the compose plugin. */
export async function startDaemon(home: string, dockerConfig: string): Promise<Daemon> {
  const env = { DOCKER_HOST: `unix://${join(home, 'docker.sock')}`, DOCKER_CONFIG: dockerConfig };
  const child = spawnDaemon(home, env.DOCKER_HOST);
  const stop = () => stopDaemon(child);
  try {
    const version = await answered(child, env);
    await importImage(home, env);
    const composeVersion = (await runOk('docker', ['compose', 'version', '--short'], { env })).trim();
    return { env, version, composeVersion, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function spawnDaemon(home: string, address: string): ChildProcess {
  const at = (name: string) => join(home, name);
  const args = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('docker.pid')];
  const child = spawn('dockerd', [...args, '-H', address], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(at('dockerd.log'));
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  return child;
}

async function answered(child: ChildProcess, env: Daemon['env']): Promise<string> {
  for (let tries = 0; tries < 150 && child.exitCode === null; tries += 1) {
    const said = await run('docker', ['info', '--format', '{{.ServerVersion}}'], { env });
    if (said.exitCode === 0 && said.stdout.trim() !== '') return said.stdout.trim();
    await delay(200);
  }
  throw new Error('dockerd did not start; see dockerd.log in the folder of the bench');
}

async function importImage(home: string, env: Daemon['env']): Promise<void> {
  const bin = join(home, 'image/bin');
  mkdirSync(bin, { recursive: true });
  const busybox = (await runOk('sh', ['-c', 'command -v busybox'])).trim();
  copyFileSync(busybox, join(bin, 'busybox'));
  for (const name of ['sh', 'sleep'])
    if (!existsSync(join(bin, name))) symlinkSync('busybox', join(bin, name));
  await runOk('tar', ['-C', join(home, 'image'), '-cf', join(home, 'image.tar'), '.']);
  await runOk('docker', ['import', join(home, 'image.tar'), image], { env });
}

/** The daemon ends its own containerd; both are gone when this resolves. */
async function stopDaemon(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  process.kill(child.pid, 'SIGTERM');
  const late = AbortSignal.timeout(30_000);
  await Promise.race([gone, new Promise((resolve) => late.addEventListener('abort', resolve))]);
  if (child.exitCode === null) process.kill(child.pid, 'SIGKILL');
}
