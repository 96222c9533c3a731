import type { Origin } from '../../desired-state/types.ts';
import type { Reason } from '../../reconciler/types.ts';
import { type Look, pad, paint, safe, truncateStart, widest, widthOf, wrap } from './text.ts';

/**
 * `gitea  image  1.22.3 → 1.24.0      services/git/docker-compose.yml:4`, aligned among its neighbours. Nothing is cut
 * off: what does not fit goes on in the next line, and the place in the file gets a line of its own.
 */
export function reasonLines(reasons: Reason[], look: Look, indent = '    '): string[] {
  const facts = reasons.filter((reason) => !isSentence(reason));
  const containers = widest(facts.map(({ container }) => safe(container ?? '')));
  const fields = widest(facts.map(({ field }) => safe(field)));
  const heads = reasons.map((reason) => (isSentence(reason) ? reasonText(reason) : head(reason)));
  const column = Math.min(widest(heads.filter((_, index) => placeIn(reasons[index]) !== null)), 64);
  return reasons.flatMap((reason, index) =>
    placed(heads[index] ?? '', placeIn(reason), column, look, indent),
  );

  function head(reason: Reason): string {
    const container = containers === 0 ? '' : `${pad(safe(reason.container ?? ''), containers)}  `;
    return `${container}${pad(safe(reason.field), fields)}  ${reasonText(reason)}`;
  }
}

/** One that is all said by its note, see `why` of the reconciler. */
export function isSentence({ field, from, to, container }: Reason): boolean {
  return field === 'state' && from === null && to === null && container === undefined;
}

/** A note that names the file already needs no place beside it. */
function placeIn(reason: Reason | undefined): string | null {
  if (reason?.origin === undefined || reason.note?.includes(reason.origin.file)) return null;
  return placeOf(reason.origin);
}

function placed(head: string, place: string | null, column: number, look: Look, indent: string): string[] {
  const room = look.width === null ? null : Math.max(8, look.width - widthOf(indent));
  const full = place === null ? head : `${pad(head, column)}  ${place}`;
  if (room === null || widthOf(full) <= room) {
    return [indent + (place === null ? head : `${pad(head, column)}  ${paint(look, 'dim', place)}`)];
  }
  const below = place === null ? [] : [paint(look, 'dim', truncateStart(place, room - 2))];
  const [first = '', ...rest] = wrap(head, room - 2);
  return [indent + first, ...[...rest, ...below].map((line) => `${indent}  ${line}`)];
}

export function placeOf(origin: Origin): string {
  return `${safe(origin.file)}:${origin.line}`;
}

/** From and to, then the note; each only where there is one. */
export function reasonText({ from, to, note }: Reason): string {
  const shown = note === undefined ? '' : safe(note);
  if (from === null && to === null) return shown;
  const move =
    from === null ? safe(to ?? '') : to === null ? `${safe(from)} → nothing` : `${safe(from)} → ${safe(to)}`;
  return shown === '' ? move : `${move}  (${shown})`;
}
