import type { QuiescedContainer } from '../backup/step-parts.ts';

/** Names of the list that must have had their turn before this container. */
export type Before = (container: QuiescedContainer) => string[];

export function needsOf(container: QuiescedContainer): string[] {
  return container.needs.map(({ name }) => name);
}

/** Whoever needs a container: it must be down before that one is. */
export function dependentsIn(containers: readonly QuiescedContainer[]): Before {
  return ({ name }) => containers.filter((other) => needsOf(other).includes(name)).map((other) => other.name);
}

/** Dependents before what they need. */
export function stopsFirst(containers: readonly QuiescedContainer[]): QuiescedContainer[] {
  return inOrder(containers, dependentsIn(containers));
}

/** Each after those that are to be before it; a circle, which compose does not allow, is cut somewhere. */
export function inOrder(containers: readonly QuiescedContainer[], before: Before): QuiescedContainer[] {
  const ordered = new Set<QuiescedContainer>();
  const seen = new Set<QuiescedContainer>();
  const visit = (container: QuiescedContainer): void => {
    if (seen.has(container)) return;
    seen.add(container);
    const names = before(container);
    for (const other of containers) if (names.includes(other.name)) visit(other);
    ordered.add(container);
  };
  for (const container of containers) visit(container);
  return [...ordered];
}

/**
 * Runs `action` for each as soon as those before it are done, side by side. One that fails holds up only who waits
 * for it; all that was begun has ended when this returns, so that whoever puts it right does not race with it.
 * Gives the failures; none when all is well.
 */
export async function eachInTurn(
  containers: readonly QuiescedContainer[],
  before: Before,
  action: (container: QuiescedContainer) => Promise<void>,
): Promise<unknown[]> {
  const pending = new Map<string, Promise<void>>();
  const foreign = new Set(containers.flatMap(({ name, foreign }) => (foreign === undefined ? [] : name)));
  for (const container of inOrder(containers, before)) {
    const waits = before(container).flatMap((name) => {
      const other = pending.get(name) ?? [];
      // What is not this one's business keeps it from running no longer than it must.
      const isOrderOnly = foreign.has(container.name) && !foreign.has(name);
      return isOrderOnly && other instanceof Promise ? other.catch(() => {}) : other;
    });
    pending.set(
      container.name,
      Promise.all(waits).then(() => action(container)),
    );
  }
  const ends = await Promise.allSettled(pending.values());
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  return [...new Set(failures)];
}
