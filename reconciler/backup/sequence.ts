import type { ChangePart } from '../part-types.ts';
import type { Step } from '../types.ts';

/** Steps of a change as they are added, with all that is said of them by their position. */
export class Sequence {
  readonly steps: Step[] = [];
  readonly undo: { of: number; by: number }[] = [];
  readonly mayFail: number[] = [];
  /** Its position; `of`: where it is of one part alone. */
  add(step: Step, of?: ChangePart): number {
    of?.steps.push(this.steps.length);
    this.steps.push(step);
    return this.steps.length - 1;
  }
  /** One whose failure is told, and does not end the change. */
  addMayFail(step: Step, of?: ChangePart): number {
    const position = this.add(step, of);
    this.mayFail.push(position);
    return position;
  }
  settle(of: number, by: number): void {
    this.undo.push({ of, by });
  }
}
