import type { IdRange } from '../../observers/types.ts';
import type { OwnerNumbers } from './numbers.ts';

/**
 * What an archive says of itself, in Borg's comment: whose datasets it holds, what its owners' numbers meant, and who
 * asked for it: `steward: pool/a pool/a/db; userns uid=100000+65536 gid=100000+65536; group labdata=999; made by hand`, or
 * `by schedule`. No name of a dataset or a group has a semicolon. Pure.
 */
export function archiveComment(datasets: string[], numbers: OwnerNumbers, byHand: boolean): string {
  const { userns, group } = numbers;
  const ids =
    userns === null ? 'none' : `uid=${userns.uid.map(text).join()} gid=${userns.gid.map(text).join()}`;
  const parts = [`steward: ${datasets.join(' ')}`, `userns ${ids}`];
  if (group !== null) parts.push(`group ${group.name}=${group.gid}`);
  parts.push(`made by ${byHand ? 'hand' : 'schedule'}`);
  return parts.join('; ');
}

/** What tells an archive from one of another making; its numbers are its own. */
export function contentOf(comment: string): string {
  return comment.split('; ')[0] ?? '';
}

/** Null where it does not say: it was made before archives said so, or by somebody else. */
export function byHandIn(comment: string): boolean | null {
  const [first = '', ...parts] = comment.split('; ');
  const by = first.startsWith('steward: ') ? after('made by ', parts) : undefined;
  return by === 'hand' ? true : by === 'schedule' ? false : null;
}

/** Null where it does not say, likewise. */
export function numbersIn(comment: string): OwnerNumbers | null {
  const [first = '', ...parts] = comment.split('; ');
  const userns = idsIn(after('userns ', parts));
  if (!first.startsWith('steward: ') || userns === undefined) return null;
  const [, name, gid] = /^(.+)=(\d+)$/.exec(after('group ', parts) ?? '') ?? [];
  return { userns, group: name === undefined ? null : { name, gid: Number(gid) } };
}

function after(word: string, parts: string[]): string | undefined {
  return parts.find((part) => part.startsWith(word))?.slice(word.length);
}

function idsIn(ids: string | undefined): OwnerNumbers['userns'] | undefined {
  if (ids === 'none') return null;
  const [, uid, gid] = /^uid=([\d+,]+) gid=([\d+,]+)$/.exec(ids ?? '') ?? [];
  const ranges = [uid, gid].map((list) => (list ?? '').split(',').map(rangeIn));
  const isWhole = (list: (IdRange | null)[]): list is IdRange[] => list.every((range) => range !== null);
  const [uids = [], gids = []] = ranges;
  return isWhole(uids) && isWhole(gids) ? { uid: uids, gid: gids } : undefined;
}

/** Ids have 32 bits, and the last of them stands for none. */
const idLimit = 2 ** 32 - 1;

function rangeIn(given: string): IdRange | null {
  const [, start, count] = /^(\d+)\+(\d+)$/.exec(given)?.map(Number) ?? [];
  if (start === undefined || count === undefined || count === 0 || start + count > idLimit) return null;
  return { start, count };
}

function text({ start, count }: IdRange): string {
  return `${start}+${count}`;
}
