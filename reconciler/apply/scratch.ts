import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BorgOptions } from '../../tools/borg/call.ts';
import type { ProofStep } from '../types.ts';
import { borg } from './borg.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import { extractArgs, proofArgv } from './proof-argv.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError, type StepFacts } from './types.ts';
import { requirePool } from './zfs.ts';

type StepOf<Op extends ProofStep['op']> = Extract<ProofStep, { op: Op }>;

export interface ScratchOptions extends ToolOptions {
  readMountinfo?: ReadMountinfo | undefined;
  /** How long it may stay busy after borg has left it. Default 10 s. */
  busyMs?: number | undefined;
}

/** A dataset of its own for one drill. One that is there already is somebody's, whatever its name says. */
export async function createScratch(step: StepOf<'scratch-create'>, options: ScratchOptions): Promise<void> {
  await requirePool(step.dataset, options);
  await requireRoom(step, options);
  const above = path.dirname(step.mountpoint);
  await mkdir(above, { recursive: true, mode: 0o700 });
  // What is restored has the owners and modes of the service; nobody but root comes as far as that.
  await chmod(above, 0o700);
  const [create = [], mount = []] = proofArgv(step);
  await zfs(create, options).catch((error: StepError) => {
    if (!error.message.includes('dataset already exists')) throw error;
    const message = `${step.dataset} is there and was not made by this drill; look at it, and destroy it by hand`;
    throw new StepError(message, { cause: error });
  });
  await zfs(mount, options);
}

/** A drill must not be what fills the pool: a tenth of what is free stays free. */
async function requireRoom(
  { dataset, maxBytes }: StepOf<'scratch-create'>,
  options: ToolOptions,
): Promise<void> {
  const parent = dataset.slice(0, dataset.lastIndexOf('/'));
  const said = await zfs(['zfs', 'get', '-Hp', '-o', 'value', 'available', parent], options);
  const available = Number(said.trim());
  if (maxBytes <= available * 0.9) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new StepError(
    `a drill may need ${gigabytes(maxBytes)} below ${parent}, where ${gigabytes(available)} are free; nothing was restored`,
  );
}

/** Into the scratch dataset, and nowhere else: it is held mounted meanwhile. */
export async function extractToScratch(
  step: StepOf<'borg-extract-scratch'>,
  options: BorgOptions,
  readMountinfo: ReadMountinfo | undefined,
): Promise<StepFacts> {
  const { repository, archive, guard } = step;
  const wrap = (argv: string[]) => ['env', `--chdir=${guard.mountpoint}`, ...argv];
  await whileMounted([guard], readMountinfo, async () => {
    const args = extractArgs(`${repository.location}::${archive}`);
    const { exitCode, warnings } = await borg(args, repository, { ...options, wrap });
    // What is in doubt is not proven: an attribute that could not be restored is one that is lost.
    if (exitCode !== 0) throw new StepError(`Borg warned while it restored ${archive}: ${warnings[0] ?? ''}`);
  });
  return {};
}

/** Only the one of this run. It has no children: one with snapshots in it is left, and told. */
export async function destroyScratch(
  step: StepOf<'scratch-destroy'>,
  options: ScratchOptions,
): Promise<StepFacts> {
  // A pool that is not there hides what is in it: the journal keeps this until it is back.
  await requirePool(step.dataset, options);
  const owner = await ownerOf(step.dataset, options);
  if (owner === null) return {};
  if (owner !== step.run)
    return { heldBack: `${step.dataset} was not made by this drill, and was not destroyed` };
  const endMs = performance.now() + (options.busyMs ?? 10_000);
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      await zfs(proofArgv(step)[0] ?? [], options);
      return {};
    } catch (error) {
      if (!(error as StepError).message.includes('busy') || performance.now() > endMs) throw error;
    }
    await sleep(waitMs);
  }
}

/** The run that it is marked with, locally; null: there is none. A property that is inherited proves nothing. */
async function ownerOf(dataset: string, options: ToolOptions): Promise<string | null> {
  const argv = ['zfs', 'get', '-Hp', '-o', 'value,source', 'steward:run', dataset];
  const output = await zfs(argv, options).catch((error: StepError) => {
    if (error.message.includes('dataset does not exist')) return null;
    throw error;
  });
  if (output === null) return null;
  const [value = '', source] = output.trim().split('\t');
  return source === 'local' ? value : '';
}

function zfs(argv: string[], { commands, timeoutMs, signal }: ToolOptions): Promise<string> {
  return callTool(argv, { commands, timeoutMs, signal, env: { LC_ALL: 'C' } });
}
