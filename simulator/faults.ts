import type { Step } from '../reconciler/types.ts';

/** What goes wrong, as a test wants it. The plan may be exchanged between cycles (`host.faults = …`). */
export interface FaultPlan {
  steps?: StepFault[];
  /** A part that does not answer; `hanging` answers only when the caller's signal gives up. */
  observe?: Partial<Record<ObservedPart, 'unknown' | 'hanging'>>;
}

export type ObservedPart = 'zfs' | 'docker' | 'system' | 'paths';

export interface StepFault {
  /** All that are given must hold. Steps count from 1 over the life of the simulated host object. */
  when: { number?: number; op?: Step['op']; matches?: (step: Step, number: number) => boolean };
  /**
   * fail: StepError. die: SimulatedCrash, and the host answers nothing more until `revive()`. freeze: the same
   * without an answer ever, as seen from a process that is gone; `host.crashed` tells.
   */
  how: 'fail' | 'die' | 'freeze';
  /** How much of the step was done by then. `all`: done, and the answer got lost. */
  after: 'nothing' | 'half' | 'all';
  /** How often; default once. */
  times?: number;
  message?: string;
  retryable?: boolean;
}

export interface FaultCounter {
  next(step: Step, number: number, plan: FaultPlan): StepFault | undefined;
}

/** Remembers how often each fault has struck. */
export function faultCounter(): FaultCounter {
  const struck = new Map<StepFault, number>();
  return {
    next(step, number, plan) {
      const fault = plan.steps?.find(
        (item) => (struck.get(item) ?? 0) < (item.times ?? 1) && applies(item, step, number),
      );
      if (fault !== undefined) struck.set(fault, (struck.get(fault) ?? 0) + 1);
      return fault;
    },
  };
}

function applies({ when }: StepFault, step: Step, number: number): boolean {
  if (when.number !== undefined && when.number !== number) return false;
  if (when.op !== undefined && when.op !== step.op) return false;
  return when.matches === undefined || when.matches(step, number);
}

/** How many of a step's actions happen before the fault. Half of one action is none. */
export function actionsBefore(fault: StepFault | undefined, actions: number): number {
  if (fault === undefined || fault.after === 'all') return actions;
  return fault.after === 'half' ? Math.floor(actions / 2) : 0;
}
