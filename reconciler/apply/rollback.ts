import { mkdir, readFile, rmdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RollbackStep } from '../types.ts';
import { parseMountinfo, whileMounted } from './guard.ts';
import { allFiles, changedFiles, differences, inMounts, type Places, placesOf } from './rollback-argv.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

/** Copying may take hours; it must not be ended for being slow. */
const copyTimeoutMs = 7 * 24 * 3_600_000;

export interface RollbackOptions extends ToolOptions {
  /** Default /run/steward. */
  runDir?: string | undefined;
}

type Restore = Extract<RollbackStep, { op: 'files-restore' }>;

/** The service must be held still. Throws StepError; then it may be run again. */
export async function restoreFiles(step: Restore, options: RollbackOptions): Promise<void> {
  await whileMounted([step.guard], undefined, () => copyBack(step, options));
}

async function copyBack(step: Restore, options: RollbackOptions): Promise<void> {
  const places = placesOf(options.runDir ?? '/run/steward', step.service);
  const below = await mountedBelow(step.guard.mountpoint);
  const long = { ...options, timeoutMs: copyTimeoutMs, env: { LC_ALL: 'C' } };
  const inside = (command: string[]) => inMounts(step.snapshot, step.guard.mountpoint, places, command);
  const passes = [allFiles(places, below), changedFiles(places)];
  try {
    // Back to the safety snapshot itself, only what is there now can be compared.
    const other = step.snapshot === step.safety ? step.guard.dataset : step.safety;
    const diff = await callTool(['zfs', 'diff', '-FH', step.snapshot, other], long);
    await makePlaces(places, changedPaths(diff, step.guard.mountpoint, below));
    for (const command of passes) await callTool(inside(command), long);
    for (const command of passes) requireSame(await callTool(inside(differences(command)), long));
  } catch (cause) {
    throw explained(step, cause);
  } finally {
    await removePlaces(places);
  }
}

/** What is there now may be a mixture, so it is said where to find what was there before. */
function explained({ snapshot, safety, guard }: Restore, cause: unknown): unknown {
  if (!(cause instanceof StepError)) return cause;
  const said = cause.message.replace(/^setpriv failed: /, '');
  const kept = `what was there before is in ${safety}`;
  return new StepError(`${guard.mountpoint} is not yet as in ${snapshot}: ${said}; ${kept}`, { cause });
}

async function makePlaces(places: Places, changed: Buffer): Promise<void> {
  await mkdir(path.dirname(places.snapshot), { recursive: true, mode: 0o700 });
  for (const place of [places.snapshot, places.live]) await mkdir(place, { recursive: true });
  await writeFile(places.changed, changed, { mode: 0o600 });
}

/** Never recursively: were a mount ever left in there, it would be the data that is removed. */
async function removePlaces(places: Places): Promise<void> {
  const gone = () => {};
  await unlink(places.changed).catch(gone);
  for (const place of [places.snapshot, places.live, path.dirname(places.live)])
    await rmdir(place).catch(gone);
}

/** Relative to the mountpoint. */
async function mountedBelow(mountpoint: string): Promise<string[]> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
  const inside = mounts.filter((mount) => mount.mountpoint.startsWith(`${mountpoint}/`));
  return inside.map((mount) => mount.mountpoint.slice(mountpoint.length + 1));
}

/**
 * Regular files of `zfs diff -FH` that are there now, NUL after each, relative to the mountpoint. It writes every byte
 * that is not plain ASCII as `\0` and three octal digits. What a dataset mounted below hides is left out.
 */
export function changedPaths(diff: string, mountpoint: string, below: readonly string[]): Buffer {
  const paths = diff.split('\n').flatMap((line) => {
    const [sign, type, ...names] = line.split('\t');
    const name = names.at(-1);
    if (sign === '-' || type !== 'F' || !name?.startsWith(`${mountpoint}/`)) return [];
    const bytes = unescaped(name.slice(mountpoint.length + 1));
    const hidden = below.some((mount) => bytes.startsWith(`${Buffer.from(mount).toString('latin1')}/`));
    return hidden ? [] : [`${bytes}\0`];
  });
  return Buffer.from(paths.join(''), 'latin1');
}

/** One character a byte. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{4})/g, (_match, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function requireSame(printed: string): void {
  const lines = printed.split('\n').filter(Boolean);
  if (lines.length === 0) return;
  const some = lines.slice(0, 3).join(', ');
  throw new StepError(`something writes to it, ${lines.length} files differ still (${some})`);
}
