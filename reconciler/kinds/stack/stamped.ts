import type { DesiredStack } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';

/** What compose has stamped on the containers of a stack: container -> config hash. */
export interface Stamped {
  stack: DesiredStack;
  hashes: Record<string, string>;
}

/** Of a stack that has just been made what it is to be. Null where a container or its hash is missing, or replicas differ. */
export function stampedHashes(stack: DesiredStack, containers: ObservedContainer[]): Stamped | null {
  const pairs = stack.containers.map(({ name }): [string, string | null] => {
    const hashes = containers.filter(({ service }) => service === name).map(({ configHash }) => configHash);
    return [name, new Set(hashes).size === 1 ? (hashes[0] ?? null) : null];
  });
  if (pairs.some(([, hash]) => hash === null)) return null;
  return { stack, hashes: Object.fromEntries(pairs) as Record<string, string> };
}
