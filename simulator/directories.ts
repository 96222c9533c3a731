import { StepError } from '../reconciler/apply/types.ts';
import type { MountGuard, Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { changeMode, changeOwner, entryAt, makeDirectories, placeOf } from './file-tree.ts';
import { checkGuards } from './guards.ts';
import { parentOf, type World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/**
 * Makes the directory and those above it that are missing, all with this owner and mode. As with the real tools a
 * crash leaves mode 0000 on what was made and not finished, and the step itself mends that when it runs again.
 */
export function createDirectory(world: World, step: StepOf<'directory-create'>): Action[] {
  checkInside(world, step);
  checkNotFile(world, step.path);
  const unfinished = pathsBetween(step.guard.mountpoint, step.path).filter((path) => {
    const entry = entryAt(world, path);
    if (path === step.guard.mountpoint)
      return entry?.mode === '0755' && (entry.uid === 0 || entry.uid === step.uid);
    return entry === undefined || entry.mode === '0000';
  });
  return unfinished.flatMap((path) => [
    () => makeUnfinished(world, path),
    () => changeOwner(world, path, step.uid, step.gid, false),
    () => changeMode(world, path, step.mode),
  ]);
}

function makeUnfinished(world: World, path: string): void {
  if (entryAt(world, path) !== undefined) return;
  makeDirectories(world, path);
  changeMode(world, path, '0000');
}

/** Below `top`, from the outside in, `path` itself included. */
function pathsBetween(top: string, path: string): string[] {
  const paths: string[] = [];
  for (let at = path; at.length > top.length; at = parentOf(at)) paths.unshift(at);
  return paths.length === 0 ? [path] : paths;
}

export function ownDirectory(world: World, step: StepOf<'directory-owner'>): Action[] {
  checkInside(world, step);
  checkThere(world, step.path);
  return [() => changeOwner(world, step.path, step.uid, step.gid, step.recursive)];
}

export function modeDirectory(world: World, step: StepOf<'directory-mode'>): Action[] {
  checkInside(world, step);
  checkThere(world, step.path);
  return [() => changeMode(world, step.path, step.mode)];
}

function checkInside(world: World, { path, guard }: { path: string; guard: MountGuard }): void {
  checkGuards(world, [guard]);
  if (path !== guard.mountpoint && !path.startsWith(`${guard.mountpoint}/`)) {
    const message = `${path} is not below ${guard.mountpoint}; nothing was written`;
    throw new StepError(message, { retryable: false });
  }
  if (placeOf(world, path).filesystem === guard.dataset) return;
  throw new StepError(`${path} leads into another file system; nothing was written`);
}

function checkThere(world: World, path: string): void {
  if (entryAt(world, path) === undefined) throw new StepError(`${path} does not exist`);
  checkNotFile(world, path);
}

function checkNotFile(world: World, path: string): void {
  if (entryAt(world, path)?.type !== 'file') return;
  throw new StepError(`${path} exists and is not a directory`, { retryable: false });
}
