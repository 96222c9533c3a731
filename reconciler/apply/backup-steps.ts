import type { BackupStep } from '../types.ts';
import { compactRepository, deleteArchives, initRepository, listRepository } from './borg.ts';
import { type CreateOptions, createArchive } from './borg-create.ts';
import { type ExecOptions, execInContainer } from './container-exec.ts';
import { stopContainers } from './container-stop.ts';
import {
  pauseContainers,
  startAgain,
  startContainers,
  unpauseAgain,
  unpauseContainers,
} from './containers.ts';
import type { ContainersOptions } from './each-container.ts';
import { hookOnMounted } from './ground.ts';
import { runProofStep } from './proof-steps.ts';
import { runRestoreStep } from './restore-steps.ts';
import type { SecretOptions } from './secret-env.ts';
import { destroySnapshots, type SnapshotOptions, takeSnapshots } from './snapshot.ts';
import type { StepFacts } from './types.ts';

export interface BackupContext {
  borg: CreateOptions;
  containers: ContainersOptions;
  /** See ExecuteOptions. */
  sinceMs?: number | undefined;
  exec: ExecOptions;
  snapshots: SnapshotOptions;
  /** For drills that start the stack. */
  secret: SecretOptions;
}

/** One step of a backup, on this machine. Each may be run again after a crash in its middle. Throws StepError. */
export async function runBackupStep(step: BackupStep, context: BackupContext): Promise<StepFacts> {
  const said: string[] = [];
  const borg = { ...context.borg, onNote: (sentence: string) => said.push(sentence) };
  const facts = (await carryOut(step, { ...context, borg })) ?? {};
  return said.length === 0 ? facts : { ...facts, notes: [...(facts.notes ?? []), ...said] };
}

// biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
function carryOut(step: BackupStep, context: BackupContext): Promise<StepFacts | void> {
  switch (step.op) {
    case 'borg-init':
      return initRepository(step, context.borg);
    case 'borg-list':
      return listRepository(step, context.borg);
    case 'borg-create':
      return createArchive(step, context.borg);
    case 'borg-delete':
      return deleteArchives(step, context.borg);
    case 'borg-compact':
      return compactRepository(step, context.borg);
    case 'container-exec':
      return context.sinceMs === undefined
        ? execInContainer(step, context.exec)
        : hookOnMounted(step, context.containers.readMountinfo, () => execInContainer(step, context.exec));
    case 'containers-stop':
      return stopContainers(step, context.containers);
    case 'containers-start':
      return context.sinceMs === undefined
        ? startContainers(step, context.containers)
        : startAgain(step, context.sinceMs, context.containers);
    case 'containers-pause':
      return pauseContainers(step, context.containers);
    case 'containers-unpause':
      return context.sinceMs === undefined
        ? unpauseContainers(step, context.containers)
        : unpauseAgain(step, context.containers);
    case 'borg-find':
    case 'borg-comment':
    case 'borg-extract':
    case 'require-empty':
    case 'borg-extract-to':
    case 'zfs-rollback':
    case 'snapshot-by-hand':
    case 'files-restore':
      return runRestoreStep(step, context);
    case 'zfs-snapshot':
      return takeSnapshots(step, context.snapshots);
    case 'zfs-destroy-snapshots':
      return destroySnapshots(step, context.snapshots);
    default:
      return runProofStep(step, context);
  }
}
