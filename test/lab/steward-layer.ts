/** The third layer: the provisioned server with Node in place, so that a test run only adds Steward itself. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveSaved, ensureBootedLayer } from './booted-layer.ts';
import { ensureLayer, hashOf } from './layer.ts';
import type { Saved } from './machine.ts';
import { repositoryRoot } from './paths.ts';
import { execSsh, pushSsh } from './ssh.ts';

/** Where Steward lives in the server. */
export const stewardDir = '/opt/steward';

const warmUpTimeoutMs = 5 * 60_000;

/** The provisioned server with the Node of this checkout's package-lock.json. */
export async function ensureStewardLayer(): Promise<Saved> {
  const booted = await ensureBootedLayer();
  const warmUp = await readFile(warmUpFile, 'utf8');
  const dir = await ensureLayer({
    name: 'steward',
    hash: hashOf(booted.hash, await nodeVersion(), warmUp),
    build: (into) =>
      deriveSaved(booted, into, async (target) => {
        await pushSsh(target, [join(nodePackage, 'bin/node')], `${stewardDir}/node_modules/node/bin`);
        await execSsh(target, 'sh -s', { input: warmUp, timeoutMs: warmUpTimeoutMs });
      }),
  });
  return { ...booted, dir, below: [booted.dir, ...booted.below] };
}

const warmUpFile = join(import.meta.dirname, 'recipe/steward/warm-up.sh');
const nodePackage = join(repositoryRoot, 'node_modules/node');

async function nodeVersion(): Promise<string> {
  const text = await readFile(join(nodePackage, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
