import { assertNever } from '../../tools/assert-never.ts';
import { commentArgs, infoArgs } from '../../tools/borg/archives.ts';
import type { IdShift } from '../owners/move.ts';
import type { RestoreStep } from '../types.ts';
import { createArgv } from './snapshots-by-hand.ts';

type StepOf<Op extends RestoreStep['op']> = Extract<RestoreStep, { op: Op }>;

/** The commands of a restore, as a person would type them. */
export function restoreArgv(step: RestoreStep): string[][] {
  switch (step.op) {
    case 'borg-find':
      return [findArgv(step)];
    case 'borg-comment':
      return [['borg', ...commentArgs(step.repository.location, step.archive)]];
    case 'borg-extract':
      return [...emptyArgv(step), extractArgv(step), ...ownersArgv(step)];
    case 'borg-extract-to':
      return [['mkdir', '-p', step.folder], extractArgv(step)];
    case 'require-empty':
      return step.mounts.map(({ guard }) => lookArgv(guard.mountpoint));
    case 'zfs-rollback':
      return step.snapshots.map(rollbackArgv);
    case 'snapshot-by-hand':
      return [createArgv(step.datasets, step.tag)];
    case 'files-restore':
      return [filesArgv(step)];
    default:
      return assertNever(step);
  }
}

/** Without paths what the archive holds is known as a whole; with them, each thing below them is listed. */
export function findArgv({ repository, archive, paths }: ArchivePart): string[] {
  const target = `${repository.location}::${archive}`;
  if (paths.length === 0) return ['borg', ...infoArgs(target)];
  const format = ['--json-lines', '--format', '{path}{mode}{size}{csize}'];
  return ['borg', 'list', ...format, target, ...paths.map(exactly)];
}

export type ArchivePart = Pick<StepOf<'borg-extract-to'>, 'repository' | 'archive' | 'paths'>;

/** Borg takes `re:…` and `sh:…` for patterns; behind `pp:` a path is what it is. */
function exactly(path: string): string {
  return `pp:${path}`;
}

/** Nothing below it. Not `pf:`, which Borg 1.2 says has never matched, whatever it found. */
function itself(path: string): string {
  return `re:^${path.replace(/[^\p{L}\p{N}/_]/gu, '\\$&')}\\Z`;
}

/** Steward does it itself, by descriptor: this is what it comes to. */
function emptyArgv({ mounts, paths }: StepOf<'borg-extract'>): string[][] {
  const root = mounts[0]?.guard.mountpoint ?? '';
  if (paths.length > 0) return paths.map((path) => ['rm', '-r', '--one-file-system', `${root}/${path}`]);
  return mounts.map(({ guard }) => ['find', guard.mountpoint, '-xdev', '-mindepth', '1', '-delete']);
}

/** Steward looks at each thing once: this is what it comes to. */
function ownersArgv({ owners, mounts, paths }: StepOf<'borg-extract'>): string[][] {
  if (owners === null) return [];
  const root = mounts[0]?.guard.mountpoint ?? '';
  const places =
    paths.length > 0 ? paths.map((path) => `${root}/${path}`) : mounts.map(({ guard }) => guard.mountpoint);
  return [
    ...owners.uid.flatMap((shift) => shiftArgv(places, 'uid', 'chown', shift)),
    ...owners.gid.flatMap((shift) => shiftArgv(places, 'gid', 'chgrp', shift)),
  ];
}

function shiftArgv(
  places: string[],
  kind: 'uid' | 'gid',
  program: string,
  { first, count, to }: IdShift,
): string[][] {
  if (to === null || to === first) return [];
  const number = `$(($(stat -c %${kind[0]} "$f") + ${to - first}))`;
  const range = [`-${kind}`, `+${first - 1}`, `-${kind}`, `-${first + count}`];
  const script = `for f; do ${program} -h ${number} "$f"; done`;
  return [['find', ...places, '-xdev', ...range, '-exec', 'sh', '-c', script, 'sh', '{}', '+']];
}

function lookArgv(mountpoint: string): string[] {
  return ['find', mountpoint, '-xdev', '-not', '-type', 'd', '-print', '-quit'];
}

/**
 * Borg writes where it stands: in the service's mountpoint, or in the folder that was asked for. `folders`: taken as
 * such, without what is in them.
 */
export function extractArgv(
  step: StepOf<'borg-extract' | 'borg-extract-to'>,
  folders: string[] = [],
): string[] {
  const { repository, archive, paths } = step;
  const target = `${repository.location}::${archive}`;
  // What is immutable as soon as it is there could not get its owner.
  const isMoved = step.op === 'borg-extract' && step.owners !== null;
  return [
    'borg',
    'extract',
    '--progress',
    '--list',
    '--numeric-ids',
    ...(isMoved ? ['--noflags'] : []),
    ...(step.op === 'borg-extract-to' ? ['--sparse'] : []),
    target,
    ...folders.map(itself),
    ...paths.map(exactly),
  ];
}

/** Steward mounts the snapshot for it: this is what it comes to. */
function filesArgv({ snapshot, guard: { mountpoint } }: StepOf<'files-restore'>): string[] {
  const tag = snapshot.slice(snapshot.indexOf('@') + 1);
  return [
    'rsync',
    '-aHAX',
    '--numeric-ids',
    '--delete',
    `${mountpoint}/.zfs/snapshot/${tag}/`,
    `${mountpoint}/`,
  ];
}

/** Without -r: a newer snapshot makes ZFS refuse. */
export function rollbackArgv(snapshot: string): string[] {
  return ['zfs', 'rollback', snapshot];
}
