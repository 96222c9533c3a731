import type { DesiredStack } from '../desired-state/types.ts';
import { type Verdict, type World, why } from './world.ts';

/**
 * What a run that is dead has left of a stack, and why that could not be put right yet, is told with whatever is to be
 * said of the stack. Where all of it runs, it will be found to be right.
 */
export function toldOfUnsettled(stack: DesiredStack, verdict: Verdict, world: World): Verdict {
  const { unsettled } = world.inventory;
  if (unsettled.length === 0 || verdict.state === 'in-sync' || verdict.state === 'gone') return verdict;
  const isOwn = (name: string) => world.containerByName.get(name)?.project === stack.name;
  const notes = unsettled.filter(({ containers }) => containers.some(isOwn)).map(({ error }) => why(error));
  if (notes.length === 0) return verdict;
  if (verdict.state === 'change') {
    const reasons = [...verdict.change.reasons, ...notes];
    return { ...verdict, change: { ...verdict.change, reasons } };
  }
  return { ...verdict, notice: { ...verdict.notice, reasons: [...verdict.notice.reasons, ...notes] } };
}
