import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run, runOk } from '../../tools/run.ts';
import { composeBinary } from './compose-binary.ts';

const cache = path.join(homedir(), '.cache/homelab-steward/docker-compose');
const unpacked = path.join(cache, 'package/usr/libexec/docker/cli-plugins/docker-compose');
/** A download takes seconds; a lock older than this is of a process that died. */
const staleLockMs = 5 * 60_000;

let found: Promise<string[]> | undefined;

/**
 * argv prefix of a real compose v2: the machine's own, else Debian 13's package, downloaded once through apt and
 * unpacked into the cache. Throws where there is none to be had: a test without it must fail, not pass.
 */
export function dockerCompose(): Promise<string[]> {
  found ??= find();
  return found;
}

async function find(): Promise<string[]> {
  const own = composeBinary();
  const candidates = [...(own ? [[own]] : []), ['docker', 'compose'], ['docker-compose'], [unpacked]];
  for (const candidate of candidates) if (await isCompose2(candidate)) return candidate;
  await locked(download);
  if (await isCompose2([unpacked])) return [unpacked];
  throw new Error(`no docker compose: ${unpacked} does not run`);
}

async function isCompose2([file = '', ...args]: string[]): Promise<boolean> {
  try {
    const { exitCode, stdout } = await run(file, [...args, 'version', '--short']);
    return exitCode === 0 && /^v?[2-9]\d*\./.test(stdout.trim());
  } catch {
    return false;
  }
}

async function locked(work: () => Promise<void>): Promise<void> {
  const lock = path.join(cache, 'lock');
  await mkdir(cache, { recursive: true });
  const deadline = Date.now() + 110_000;
  while (!(await taken(lock))) {
    if (existsSync(unpacked)) return;
    if (Date.now() > deadline) throw new Error(`${lock} is held by another test run`);
    await delay(200);
  }
  try {
    if (!existsSync(unpacked)) await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function taken(lock: string): Promise<boolean> {
  const age = await stat(lock).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > staleLockMs) await rm(lock, { recursive: true, force: true });
  return mkdir(lock).then(
    () => true,
    () => false,
  );
}

/** With a sources list and lists directory of its own: the machine's apt is left as it is. */
async function download(): Promise<void> {
  const work = await mkdtemp(path.join(cache, 'download-'));
  try {
    const list = path.join(work, 'trixie.list');
    await mkdir(path.join(work, 'lists/partial'), { recursive: true });
    await writeFile(list, `deb ${await mirror()} trixie main\n`);
    const options = [`Dir::Etc::sourcelist=${list}`, 'Dir::Etc::sourceparts=/nonexistent'].concat(
      [`Dir::State::Lists=${work}/lists`, 'Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache='],
      ['APT::Sandbox::User=root'],
    );
    const flags = options.flatMap((option) => ['-o', option]);
    const limits = { cwd: work, timeoutMs: 100_000 };
    await runOk('apt-get', [...flags, 'update'], limits);
    await runOk('apt-get', [...flags, 'download', 'docker-compose'], limits);
    const deb = (await readdir(work)).find((name) => name.endsWith('.deb'));
    if (deb === undefined) throw new Error('apt-get download left no package');
    await runOk('dpkg', ['-x', deb, 'package'], limits);
    await rename(path.join(work, 'package'), path.join(cache, 'package'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function mirror(): Promise<string> {
  const directory = '/etc/apt/sources.list.d';
  const more = (await readdir(directory).catch(() => [])).map((name) => path.join(directory, name));
  for (const file of ['/etc/apt/sources.list', ...more]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const urls = [...text.matchAll(/^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(\S+)/gm)].map(
      (match) => match[1] ?? '',
    );
    const debian = urls.find((url) => /\/debian\/?$/.test(url));
    if (debian !== undefined) return debian;
  }
  return 'http://deb.debian.org/debian';
}
