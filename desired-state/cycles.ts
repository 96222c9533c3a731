/**
 * Cycles of a graph, each written as a walk that ends where it began: `a, b, a`. One for each knot, not every way
 * around it. Depth first without recursion, since a chain may be as long as there are services.
 */
export function dependencyCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  for (const start of graph.keys()) {
    if (!done.has(start)) follow(graph, start, done, cycles);
  }
  return cycles;
}

function follow(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
  done: Set<string>,
  cycles: string[][],
): void {
  const walk = [{ name: start, next: 0 }];
  const onWalk = new Map([[start, 0]]);
  for (let top = walk.at(-1); top !== undefined; top = walk.at(-1)) {
    const target = graph.get(top.name)?.[top.next];
    top.next += 1;
    if (target === undefined) {
      done.add(top.name);
      onWalk.delete(top.name);
      walk.pop();
      continue;
    }
    const seenAt = onWalk.get(target);
    if (seenAt !== undefined) cycles.push([...walk.slice(seenAt).map(({ name }) => name), target]);
    else if (!done.has(target)) {
      onWalk.set(target, walk.length);
      walk.push({ name: target, next: 0 });
    }
  }
}
