import pLimit from 'p-limit';

/** `map` over all items, at most `limit` at a time; results in order. */
export async function mapLimited<T, R>(
  limit: number,
  items: readonly T[],
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const limited = pLimit(limit);
  return Promise.all(items.map((item) => limited(() => map(item))));
}
