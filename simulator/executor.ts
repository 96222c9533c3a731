import { type ExecuteOptions, type Executor, StepError } from '../reconciler/apply/types.ts';
import type { BackupStep, Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { connectStep, disconnectStep } from './attachments.ts';
import { backupActions, backupFacts } from './backup.ts';
import { composeDown, composeRestart, composeUp, removeContainerStep } from './compose.ts';
import { createDirectory, modeDirectory, ownDirectory } from './directories.ts';
import { recordStep } from './dns.ts';
import { SimulatedCrash } from './errors.ts';
import { actionsBefore, type FaultPlan, faultCounter, type StepFault } from './faults.ts';
import { createGroup } from './groups.ts';
import { loadStep } from './hub.ts';
import { pullStep, tagStep } from './images.ts';
import { createNetwork, removeNetworkStep } from './networks.ts';
import type { ResolveStack, SimulatedService } from './services.ts';
import type { World } from './world.ts';
import { createDataset, inheritStep, mountStep, setProperty } from './zfs.ts';

export interface ExecutorContext {
  world: World;
  resolveStack: ResolveStack;
  faults(): FaultPlan;
  /** Every step that was begun, in order. */
  steps: Step[];
  isDead(): boolean;
  die(crash: SimulatedCrash): void;
}

/** The writing half. Each step is durable when its promise settles, and what a fault left undone is not. */
export function simulatedExecutor(context: ExecutorContext): Executor {
  const counter = faultCounter();
  return {
    async execute(step, options) {
      if (context.isDead()) throw new SimulatedCrash('the process is gone');
      if (options.signal?.aborted) throw new StepError(`${step.op} was not begun: asked to stop`);
      const number = context.steps.push(step);
      const fault = counter.next(step, number, context.faults());
      const services = await servicesOf(step, context.resolveStack);
      context.world.store.refresh();
      try {
        if (fault?.after !== 'nothing') perform(actionsOf(context.world, step, services, options), fault);
      } finally {
        context.world.store.commit();
      }
      if (fault !== undefined) await strike(context, fault, `step ${number} (${step.op})`);
      return isBackupStep(step) ? backupFacts(context.world, step) : {};
    },
  };
}

function isBackupStep(step: Step): step is BackupStep {
  return /^(borg|containers|drill|scratch|snapshot|files)-|^container-exec$|^zfs-((destroy-)?snapshots?|rollback)$/.test(
    step.op,
  );
}

async function servicesOf(step: Step, resolveStack: ResolveStack): Promise<SimulatedService[]> {
  return step.op === 'compose-up' ? resolveStack(step.stack) : [];
}

function perform(actions: Action[], fault: StepFault | undefined): void {
  for (const action of actions.slice(0, actionsBefore(fault, actions.length))) action();
}

async function strike(context: ExecutorContext, fault: StepFault, where: string): Promise<void> {
  if (fault.how === 'fail') {
    const message = fault.message ?? `${where} failed: a simulated fault`;
    throw new StepError(message, { retryable: fault.retryable ?? true });
  }
  const crash = new SimulatedCrash(`the process died at ${where}, ${fault.after} of it done`);
  context.die(crash);
  if (fault.how === 'die') throw crash;
  await new Promise<never>(() => {});
}

function actionsOf(
  world: World,
  step: Step,
  services: SimulatedService[],
  options: ExecuteOptions,
): Action[] {
  switch (step.op) {
    case 'group-create':
      return createGroup(world, step);
    case 'zfs-create':
      return createDataset(world, step);
    case 'zfs-set':
      return setProperty(world, step);
    case 'zfs-inherit':
      return inheritStep(world, step);
    case 'zfs-mount':
      return mountStep(world, step);
    case 'directory-create':
      return createDirectory(world, step);
    case 'directory-owner':
      return ownDirectory(world, step);
    case 'directory-mode':
      return modeDirectory(world, step);
    case 'network-create':
      return createNetwork(world, step);
    case 'network-remove':
      return removeNetworkStep(world, step);
    case 'caddy-load':
      return loadStep(world, step);
    case 'dns-put':
    case 'dns-remove':
      return recordStep(world, step);
    case 'network-connect':
      return connectStep(world, step);
    case 'network-disconnect':
      return disconnectStep(world, step);
    case 'image-pull':
      return pullStep(world, step);
    case 'image-tag':
      return tagStep(world, step);
    case 'compose-up':
      return composeUp(world, step, services);
    case 'compose-restart':
      return composeRestart(world, step);
    case 'compose-down':
      return composeDown(world, step);
    case 'container-remove':
      return removeContainerStep(world, step);
    default:
      return backupActions(world, step, options);
  }
}
