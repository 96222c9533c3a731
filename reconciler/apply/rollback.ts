import { mkdir, readFile, rmdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { RollbackStep } from '../types.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import { allFiles, changedFiles, differences, inMounts, type Places, placesOf } from './rollback-argv.ts';
import { callTool, type ToolOptions, toolLines } from './tool.ts';
import { StepError } from './types.ts';

/** Copying may take hours; it must not be ended for being slow. */
const copyTimeoutMs = 7 * 24 * 3_600_000;

export interface RollbackOptions extends ToolOptions {
  /** Mounts are in `rollback` below it. */
  runDir: string;
  /** Has the list of what has changed: it may be long, and runDir is memory. */
  stateDir: string;
  readMountinfo?: ReadMountinfo | undefined;
}

type Restore = Extract<RollbackStep, { op: 'files-restore' }>;

/** The service must be held still. Throws StepError; then it may be run again. */
export async function restoreFiles(step: Restore, options: RollbackOptions): Promise<void> {
  await whileMounted([step.guard], options.readMountinfo, () => copyBack(step, options));
}

async function copyBack(step: Restore, options: RollbackOptions): Promise<void> {
  const places = placesOf(options, step.service);
  const below = await mountedBelow(step.guard.mountpoint, options.readMountinfo);
  const long = { ...options, timeoutMs: copyTimeoutMs, env: { LC_ALL: 'C' } };
  const inside = (command: string[]) => inMounts(step.snapshot, step.guard.mountpoint, places, command);
  const passes = [allFiles(places, below), changedFiles(places)];
  try {
    // Back to the safety snapshot itself, only what is there now can be compared.
    const other = step.snapshot === step.safety ? step.guard.dataset : step.safety;
    const diff = toolLines(['zfs', 'diff', '-FH', step.snapshot, other], long);
    await makePlaces(places);
    await keepList(places, changedPaths(diff, step.guard.mountpoint, below));
    for (const command of passes) await callTool(inside(command), long);
    for (const command of passes) await requireSame(toolLines(inside(differences(command)), long));
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

async function makePlaces(places: Places): Promise<void> {
  await mkdir(path.dirname(places.snapshot), { recursive: true, mode: 0o700 });
  for (const place of [places.snapshot, places.live]) await mkdir(place, { recursive: true });
}

async function keepList({ changed }: Places, paths: AsyncIterable<Buffer>): Promise<void> {
  try {
    await writeFile(changed, paths, { mode: 0o600 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (cause instanceof StepError || code === undefined) throw cause;
    throw new StepError(`the list of what has changed cannot be kept in ${changed} (${code})`, { cause });
  }
}

/** Never recursively: were a mount ever left in there, it would be the data that is removed. */
async function removePlaces(places: Places): Promise<void> {
  const gone = () => {};
  await unlink(places.changed).catch(gone);
  for (const place of [places.snapshot, places.live, path.dirname(places.live)])
    await rmdir(place).catch(gone);
}

/** Relative to the mountpoint. */
async function mountedBelow(mountpoint: string, read?: ReadMountinfo): Promise<string[]> {
  const mounts = parseMountinfo(await (read ?? (() => readFile('/proc/self/mountinfo', 'utf8')))());
  const inside = mounts.filter((mount) => mount.mountpoint.startsWith(`${mountpoint}/`));
  return inside.map((mount) => mount.mountpoint.slice(mountpoint.length + 1));
}

/**
 * Regular files of the lines of `zfs diff -FH` that are there now, NUL after each, relative to the mountpoint. It writes
 * every byte that is not plain ASCII as `\0` and three octal digits, those of the mountpoint as well. What a dataset
 * mounted below hides is left out.
 */
export async function* changedPaths(
  diff: AsyncIterable<string[]>,
  mountpoint: string,
  below: readonly string[],
): AsyncGenerator<Buffer> {
  const asBytes = (text: string) => `${Buffer.from(text).toString('latin1')}/`;
  const root = asBytes(mountpoint);
  const hiding = below.map(asBytes);
  const pathOf = (line: string) => {
    const [sign, type, ...names] = line.split('\t');
    const name = unescaped(names.at(-1) ?? '');
    if (sign === '-' || type !== 'F' || !name.startsWith(root)) return '';
    const bytes = name.slice(root.length);
    return hiding.some((mount) => bytes.startsWith(mount)) ? '' : `${bytes}\0`;
  };
  for await (const lines of diff) yield Buffer.from(lines.map(pathOf).join(''), 'latin1');
}

/** One character a byte. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{4})/g, (_match, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

async function requireSame(printed: AsyncIterable<string[]>): Promise<void> {
  const some: string[] = [];
  let count = 0;
  for await (const lines of printed) {
    count += lines.length;
    some.push(...lines.slice(0, 3 - some.length));
  }
  if (count === 0) return;
  throw new StepError(`something writes to it, ${count} files differ still (${some.join(', ')})`);
}
