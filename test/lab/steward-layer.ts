/**
 * The third layer: the provisioned server with Node and Steward's dependencies in place and read once, so
 * that a test run only adds the source files.
 */
import { copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { deriveSaved, ensureBootedLayer } from './booted-layer.ts';
import { diesWithUs } from './host-tools.ts';
import { ensureLayer, hashOf } from './layer.ts';
import type { Saved } from './machine.ts';
import { repositoryRoot } from './paths.ts';
import { execSsh, pushSsh } from './ssh.ts';

/** Where Steward lives in the server. */
export const stewardDir = '/opt/steward';

const installTimeoutMs = 10 * 60_000;
const manifestFiles = ['package.json', 'package-lock.json', '.npmrc'];

/** The provisioned server with the dependencies of this checkout's package-lock.json. */
export async function ensureStewardLayer(): Promise<Saved> {
  const booted = await ensureBootedLayer();
  const modules = await ensureModulesLayer();
  const wrapper = await readFile(wrapperFile, 'utf8');
  const warmUp = await readFile(warmUpFile, 'utf8');
  const dir = await ensureLayer({
    name: 'steward',
    hash: hashOf(booted.hash, modules.hash, wrapper, warmUp),
    build: (into) =>
      deriveSaved(booted, into, async (target) => {
        await pushSsh(
          target,
          [join(modules.dir, 'node_modules'), join(modules.dir, 'package.json')],
          stewardDir,
        );
        await pushSsh(target, [wrapperFile], '/usr/local/bin');
        await execSsh(target, `cd ${stewardDir} && sh -s`, { input: warmUp, timeoutMs: installTimeoutMs });
      }),
  });
  return { ...booted, dir, below: [booted.dir, ...booted.below] };
}

const wrapperFile = join(import.meta.dirname, 'recipe/steward/steward');
const warmUpFile = join(import.meta.dirname, 'recipe/steward/warm-up.sh');

/** `npm ci --omit=dev` of this checkout in a directory of its own. */
async function ensureModulesLayer(): Promise<{ dir: string; hash: string }> {
  const lock = await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8');
  const hash = hashOf(await dependenciesOf(join(repositoryRoot, 'package.json')), lock);
  const dir = await ensureLayer({ name: 'modules', hash, build: installModules });
  return { dir, hash };
}

/** Only the dependencies count: a new script in package.json changes nothing in node_modules. */
async function dependenciesOf(packageFile: string): Promise<string> {
  const { dependencies } = JSON.parse(await readFile(packageFile, 'utf8')) as { dependencies?: object };
  return JSON.stringify(dependencies);
}

async function installModules(dir: string): Promise<void> {
  for (const file of manifestFiles) {
    await copyFile(join(repositoryRoot, file), join(dir, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || file !== '.npmrc') throw error;
    });
  }
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  const [file, ...args] = diesWithUs('npm', 'ci', '--omit=dev');
  await execa(file, args, { cwd: dir, timeout: installTimeoutMs, env: { PATH } });
}
