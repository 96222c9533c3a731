import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { changeMode, changeOwner, entryAt, makeDirectories } from './file-tree.ts';
import { checkGuards } from './guards.ts';
import type { World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** Three system calls, with a crash possible between any two. A directory that is there already gets both. */
export function createDirectory(world: World, step: StepOf<'directory-create'>): Action[] {
  checkGuards(world, [step.guard]);
  checkNotFile(world, step.path);
  return [
    () => makeDirectories(world, step.path),
    () => changeOwner(world, step.path, step.uid, step.gid, false),
    () => changeMode(world, step.path, step.mode),
  ];
}

export function ownDirectory(world: World, step: StepOf<'directory-owner'>): Action[] {
  checkGuards(world, [step.guard]);
  checkThere(world, step.path);
  return [() => changeOwner(world, step.path, step.uid, step.gid, step.recursive)];
}

export function modeDirectory(world: World, step: StepOf<'directory-mode'>): Action[] {
  checkGuards(world, [step.guard]);
  checkThere(world, step.path);
  return [() => changeMode(world, step.path, step.mode)];
}

function checkThere(world: World, path: string): void {
  if (entryAt(world, path) === undefined) throw new StepError(`${path} does not exist`);
  checkNotFile(world, path);
}

function checkNotFile(world: World, path: string): void {
  if (entryAt(world, path)?.type !== 'file') return;
  throw new StepError(`${path} exists and is not a directory`, { retryable: false });
}
