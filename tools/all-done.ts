/**
 * What all of them gave, once none of them is at work any more; or the error of the first that failed, but no sooner:
 * who cleans up after it must not pull the ground away from the others.
 */
export async function allDone<T extends unknown[]>(running: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(running);
  return (await Promise.all(running)) as T;
}
