import type { DesiredStack } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';

/**
 * The hash that compose stamped on each container of a stack that has just been made what it is to be. Null where one
 * of them is not there, has none, or differs from its own replicas.
 */
export function stampedHashes(
  stack: DesiredStack,
  containers: ObservedContainer[],
): Record<string, string> | null {
  const pairs = stack.containers.map(({ name }): [string, string | null] => {
    const hashes = containers.filter(({ service }) => service === name).map(({ configHash }) => configHash);
    return [name, new Set(hashes).size === 1 ? (hashes[0] ?? null) : null];
  });
  return pairs.every(([, hash]) => hash !== null)
    ? (Object.fromEntries(pairs) as Record<string, string>)
    : null;
}
