import type { ServiceContext } from '../context.ts';
import { rules } from './rules/index.ts';
import type { RuleBroken } from './types.ts';

/** All that one service breaks by itself, whatever lab.yaml and its exceptions say about it. */
export function checkPolicy(context: ServiceContext): RuleBroken[] {
  return Object.values(rules).flatMap(
    ({ id, check }) => check?.(context).map((broken) => ({ ...broken, rule: id })) ?? [],
  );
}
