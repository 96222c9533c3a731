import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import util from 'node:util';
import type { BackupStep } from '../types.ts';
import { backupArgv, runProperty } from './backup-argv.ts';
import { withDirectory } from './directory.ts';
import type { ReadMountinfo } from './guard.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError, type StepFacts } from './types.ts';
import { requirePool } from './zfs.ts';
import { zfsSnapshot } from './zfs-snapshot.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

export interface SnapshotOptions extends ToolOptions {
  readMountinfo?: ReadMountinfo | undefined;
  /** How long a snapshot may stay busy after its mount has ended. Default 10 s. */
  busyMs?: number | undefined;
}

/**
 * One atomic call: all of them at one instant and marked, or none. Those that this run has made before are done.
 * Nothing is asked beforehand, since services are down meanwhile.
 */
export async function takeSnapshots(
  step: StepOf<'zfs-snapshot'>,
  options: SnapshotOptions,
): Promise<StepFacts> {
  const notes: string[] = [];
  for (const marker of step.markers) notes.push(...(await writeMarker(marker, step.run, options)));
  const argv = backupArgv(step).at(-1) ?? [];
  try {
    await zfsSnapshot(argv, options);
  } catch (error) {
    if (!(error instanceof StepError && error.message.includes('dataset already exists'))) throw error;
    for (const snapshot of step.snapshots) await requireOurs(snapshot, step.run, error, options);
  }
  return notes.length === 0 ? {} : { notes };
}

async function requireOurs(
  snapshot: string,
  run: string,
  error: StepError,
  options: ToolOptions,
): Promise<void> {
  if ((await ownerOf(snapshot, options)) === run) return;
  throw new StepError(`${error.message}; ${snapshot} is not one that this run has made`, { cause: error });
}

/**
 * A new file each time, by descriptor: a container may have put a link or something else there. It only saves work, so
 * that nothing but a dataset that is not mounted costs the backup: all else is told. What is in its place stays.
 */
async function writeMarker(
  marker: StepOf<'zfs-snapshot'>['markers'][number],
  run: string,
  { readMountinfo, signal }: SnapshotOptions,
): Promise<string[]> {
  const folder = { path: path.dirname(marker.path), guard: marker.guard };
  const notes: string[] = [];
  await withDirectory(folder, { readMountinfo, signal }, null, async (parent) => {
    const place = `/proc/self/fd/${parent.fd}/${path.basename(marker.path)}`;
    try {
      await rm(place, { force: true });
      const file = await open(place, 'wx', 0o600);
      await file.writeFile(`${run}\n`).finally(() => file.close());
    } catch (error) {
      const what = `${marker.path} was not written${reasonOf(error as NodeJS.ErrnoException)}`;
      notes.push(`${what}: Borg may read files again that are unchanged`);
    }
  });
  return notes;
}

/** Without the path, which is that of a descriptor. */
function reasonOf({ code, errno, message }: NodeJS.ErrnoException): string {
  if (code === 'EISDIR' || code === 'ERR_FS_EISDIR') return ', since there is a directory';
  const [, said] = util.getSystemErrorMap().get(errno ?? 0) ?? [];
  return ` (${said ?? message})`;
}

/** Only those that this run has made; one that is gone is done, one of somebody else stays and is told. */
export async function destroySnapshots(
  step: StepOf<'zfs-destroy-snapshots'>,
  options: SnapshotOptions,
): Promise<StepFacts> {
  const foreign: string[] = [];
  for (const snapshot of step.snapshots) {
    const owner = await ownerOf(snapshot, options);
    if (owner === step.run) await destroy(snapshot, options);
    else if (owner !== gone) foreign.push(snapshot);
  }
  if (foreign.length === 0) return {};
  const verb = foreign.length === 1 ? 'was' : 'were';
  return { heldBack: `${foreign.join(', ')} ${verb} not made by this run, and ${verb} not destroyed` };
}

/** A mount namespace that has just ended is taken down a little later: its snapshot is busy until then. */
async function destroy(snapshot: string, options: SnapshotOptions): Promise<void> {
  const endMs = performance.now() + (options.busyMs ?? 10_000);
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      await zfs(['zfs', 'destroy', snapshot], options);
      return;
    } catch (error) {
      const { message } = error as StepError;
      if (/could not find any snapshots|dataset does not exist/.test(message))
        return await requirePool(snapshot, options);
      if (!message.includes('busy') || performance.now() > endMs) throw error;
    }
    await sleep(waitMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

export const gone = Symbol('gone');

/**
 * The run that a snapshot is marked with, locally: user properties are inherited. Null: none. Of what is in a pool that is
 * not imported nobody knows, and with the pool it would be back: then, and where ZFS says nothing, it throws.
 */
export async function ownerOf(snapshot: string, options: ToolOptions): Promise<string | null | typeof gone> {
  const argv = ['zfs', 'get', '-Hp', '-o', 'value,source', runProperty, snapshot];
  const output = await zfs(argv, options).catch((error: StepError) => {
    if (error.message.includes('dataset does not exist')) return gone;
    throw error;
  });
  if (output === gone) {
    await requirePool(snapshot, options);
    return gone;
  }
  if ((output as string).trim() === '') throw new StepError(`zfs get printed nothing for ${snapshot}`);
  const [value = '', source] = (output as string).trim().split('\t');
  return source === 'local' ? value : null;
}

function zfs(argv: string[], { commands, timeoutMs, signal }: ToolOptions): Promise<string> {
  return callTool(argv, { commands, timeoutMs, signal, env: { LC_ALL: 'C' } });
}
