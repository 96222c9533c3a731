import type { QuiescedContainer } from '../backup/step-parts.ts';
import type { BackupStep, BorgCreate } from '../types.ts';
import { stopsFirst } from './container-order.ts';
import { defaultRunDir, mountedArgv } from './mounted.ts';
import { proofArgv } from './proof-argv.ts';
import { restoreArgv } from './restore-argv.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

/** User property of a snapshot: which run made it. */
export const runProperty = 'steward:run';

/** The commands of a backup step, as a person would type them. */
export function backupArgv(step: BackupStep): string[][] {
  switch (step.op) {
    case 'borg-init':
      return [initArgv(step)];
    case 'borg-list':
      return [['borg', 'list', step.repository.location]];
    case 'borg-create':
      return [createArgv(step)];
    case 'borg-delete':
      return [deleteArgv(step, step.archives)];
    case 'borg-compact':
      return [['borg', 'compact', step.repository.location]];
    case 'container-exec':
      return [['docker', 'exec', step.name, ...step.argv]];
    case 'containers-stop':
      return [docker('stop', stopsFirst(step.containers))];
    case 'containers-start':
      return [docker('start', stopsFirst(step.containers).reverse())];
    case 'containers-pause':
      return [docker('pause', step.containers)];
    case 'containers-unpause':
      return [docker('unpause', step.containers)];
    case 'borg-find':
    case 'borg-comment':
    case 'borg-extract':
    case 'require-empty':
    case 'borg-extract-to':
    case 'zfs-rollback':
    case 'snapshot-by-hand':
    case 'files-restore':
      return restoreArgv(step);
    case 'zfs-snapshot':
      return snapshotArgv(step);
    case 'zfs-destroy-snapshots':
      return step.snapshots.map((snapshot) => ['zfs', 'destroy', snapshot]);
    default:
      return proofArgv(step);
  }
}

function docker(verb: string, containers: readonly QuiescedContainer[]): string[] {
  return ['docker', verb, ...containers.map(({ name }) => name)];
}

export function initArgv({ repository }: StepOf<'borg-init'>): string[] {
  const appendOnly = repository.appendOnly ? ['--append-only'] : [];
  const { encryption, location } = repository;
  return ['borg', 'init', '--make-parent-dirs', '-e', encryption, ...appendOnly, location];
}

export function deleteArgv({ repository }: StepOf<'borg-delete'>, archives: string[]): string[] {
  const [first = '', ...others] = archives;
  return ['borg', 'delete', `${repository.location}::${first}`, ...others];
}

function snapshotArgv(step: StepOf<'zfs-snapshot'>): string[][] {
  const take = ['zfs', 'snapshot', '-o', `${runProperty}=${step.run}`, ...step.snapshots];
  return [...step.markers.map(({ path }) => ['touch', path]), take];
}

/** `borg create` in a mount namespace, as the step does it. */
export function createArgv(step: BorgCreate): string[] {
  return mountedArgv(step, defaultRunDir, ['borg', ...createArgs(step)]);
}

/**
 * C besides A, M and E: a file that changed while it was read, which a snapshot rules out. Patterns are borg's own
 * default (shell style, `*` goes across folders) against the path below the root, without a leading slash.
 */
export function createArgs(
  step: Pick<BorgCreate, 'archive' | 'compression' | 'excludes' | 'comment'> & {
    repository: { location: string };
  },
): string[] {
  const { repository, archive, compression, excludes, comment } = step;
  return [
    ...['create', '--json', '--progress', '--list', '--filter', 'AMCE', '--compression', compression],
    ...excludes.flatMap((pattern) => ['--exclude', pattern]),
    ...(comment === '' ? [] : ['--comment', comment]),
    ...[`${repository.location}::${archive}`, '.'],
  ];
}
