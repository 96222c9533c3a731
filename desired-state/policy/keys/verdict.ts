import type { RuleId } from '../../schema/rule-ids.ts';

/**
 * What is made of a key of a resolved compose file. `harmless`: whatever stands there stays within the container, or
 * within what compose makes for this service alone. The name of a rule: that rule says which values are. `refused`:
 * no service of a lab needs it, and why it is not harmless. What is in no list, nobody has looked at.
 */
export type Verdict = 'harmless' | RuleId | `refused: ${string}`;

/** `*` stands for any name or index. A verdict covers a value, or a list or map of values; never deeper. */
export interface Keys {
  readonly [key: string]: Verdict | Keys;
}

export function each<V extends Verdict>(verdict: V, names: string): Record<string, V> {
  return Object.fromEntries(names.split(' ').map((name) => [name, verdict]));
}

export function reasonOf(verdict: Verdict): string | null {
  return verdict.startsWith('refused: ') ? verdict.slice('refused: '.length) : null;
}
