import { shown } from '../../tools/shown.ts';
import { type Entry, parseEntry } from './listing.ts';

/** Where two listings differ, in words for people. */

export interface Differences {
  /** How many paths. */
  count: number;
  /** A sentence for each of the first few. */
  first: string[];
}

const named = 5;

/** Both sorted, as `sort -z` in the C locale has them. */
export async function differencesOf(
  was: AsyncIterable<Buffer>,
  is: AsyncIterable<Buffer>,
): Promise<Differences> {
  const found: Differences = { count: 0, first: [] };
  for await (const [before, now] of paired(was, is)) {
    if (before !== null && now !== null && before.equals(now)) continue;
    found.count += 1;
    if (found.first.length < named) found.first.push(difference(before, now));
  }
  return found;
}

function difference(before: Buffer | null, now: Buffer | null): string {
  if (before !== null && now !== null) return entryDifference(parseEntry(before), parseEntry(now));
  const path = shown(parseEntry(before ?? now ?? Buffer.alloc(0)).path);
  return now === null ? `${path} is missing` : `${path} was not there`;
}

/** What has the same path in both; null on the side that lacks it. */
async function* paired(
  was: AsyncIterable<Buffer>,
  is: AsyncIterable<Buffer>,
): AsyncGenerator<[Buffer | null, Buffer | null]> {
  const sides = [was[Symbol.asyncIterator](), is[Symbol.asyncIterator]()] as const;
  const next = async (side: AsyncIterator<Buffer>) => {
    const { done, value } = await side.next();
    return done === true ? null : (value as Buffer);
  };
  let [before, now] = [await next(sides[0]), await next(sides[1])];
  while (before !== null || now !== null) {
    const order = before === null ? 1 : now === null ? -1 : Buffer.compare(keyOf(before), keyOf(now));
    yield [order <= 0 ? before : null, order >= 0 ? now : null];
    if (order <= 0) before = await next(sides[0]);
    if (order >= 0) now = await next(sides[1]);
  }
}

/** The path with the end that no path has: so the keys are in the order of the records. */
function keyOf(record: Buffer): Buffer {
  return record.subarray(0, record.indexOf('//') + 2);
}

const types: Record<string, string> = { f: 'a file', d: 'a folder', l: 'a link', p: 'a pipe' };

function entryDifference(was: Entry, is: Entry): string {
  const path = shown(is.path);
  const typeOf = ({ type }: Entry) => types[type] ?? 'a device';
  if (was.type !== is.type) return `${path} is ${typeOf(is)}, not ${typeOf(was)}`;
  const facts = [
    ['owner', is.owner, was.owner],
    ['mode', is.mode.padStart(4, '0'), was.mode.padStart(4, '0')],
    ['size', String(is.size), String(was.size)],
    ['target', shown(is.target), shown(was.target)],
  ] as const;
  const different = facts.filter(([, now, before]) => now !== before);
  return `${path} has ${different.map(([what, now, before]) => `the ${what} ${now}, not ${before}`).join(', and ')}`;
}
