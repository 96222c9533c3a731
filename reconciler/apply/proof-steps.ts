import { assertNever } from '../../tools/assert-never.ts';
import type { ProofStep } from '../types.ts';
import type { BackupContext } from './backup-steps.ts';
import { checkRepository } from './borg-check.ts';
import { compareRestored } from './borg-compare.ts';
import { takeManifest } from './borg-manifest.ts';
import { type DrillStackOptions, startDrill, stopDrill } from './drill-stack.ts';
import { createScratch, destroyScratch, extractToScratch } from './scratch.ts';
import type { StepFacts } from './types.ts';

/** One step of a check or a restore drill, on this machine. Throws StepError. */
// biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
export function runProofStep(step: ProofStep, context: BackupContext): Promise<StepFacts | void> {
  const { borg, snapshots } = context;
  switch (step.op) {
    case 'borg-check':
      return checkRepository(step, borg);
    case 'borg-manifest':
      return takeManifest(step, borg);
    case 'scratch-create':
      return createScratch(step, snapshots);
    case 'borg-extract-scratch':
      return extractToScratch(step, borg, snapshots.readMountinfo);
    case 'borg-compare':
      return compareRestored(step, borg, snapshots.readMountinfo);
    case 'drill-start':
      return startDrill(step, stackOptions(context));
    case 'drill-stop':
      return stopDrill(step, stackOptions(context));
    case 'scratch-destroy':
      return destroyScratch(step, snapshots);
    default:
      return assertNever(step);
  }
}

function stackOptions({ snapshots, containers: { socketPath }, secret }: BackupContext): DrillStackOptions {
  return { ...snapshots, socketPath, secret };
}
