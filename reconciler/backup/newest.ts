import { parseArchiveName } from './names.ts';

/**
 * Which archive of a service is the newest. One that is dated later than now is of a clock that was ahead once: it says
 * nothing of when it was made, and would be taken for the newest for years. Pure.
 */

/** Those that Steward has made for the service, newest first; what is dated later than now comes behind all others. */
export function newestFirst<Archive extends { name: string }>(
  service: string,
  archives: readonly Archive[],
  nowMs: number,
): { archive: Archive; atMs: number }[] {
  const isAhead = ({ atMs }: { atMs: number }) => Number(atMs > nowMs);
  return archives
    .flatMap((archive) => {
      const atMs = parseArchiveName(service, archive.name);
      return atMs === null ? [] : [{ archive, atMs }];
    })
    .sort((a, b) => isAhead(a) - isAhead(b) || b.atMs - a.atMs);
}

/** Which were passed over for an older one since they are dated later than now, and a sentence that says so. */
export function passedOver(
  service: string,
  archives: readonly { name: string }[],
  nowMs: number,
): { names: string[]; note: string } | null {
  const own = newestFirst(service, archives, nowMs);
  const names = own.filter(({ atMs }) => atMs > nowMs).map(({ archive }) => archive.name);
  if (names.length === 0 || names.length === own.length) return null;
  const are = names.length === 1 ? 'is' : 'are';
  return {
    names,
    note: `${names.join(', ')} ${are} dated later than now, and ${are} not taken for the newest`,
  };
}
