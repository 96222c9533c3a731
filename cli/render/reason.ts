import type { Origin } from '../../desired-state/types.ts';
import type { Reason } from '../../reconciler/types.ts';
import { type Look, pad, paint, safe, truncate, truncateStart, widest, widthOf } from './text.ts';

/** `gitea  image  1.22.3 → 1.24.0      services/git/docker-compose.yml:4`, aligned among its neighbours. */
export function reasonLines(reasons: Reason[], look: Look, indent = '    '): string[] {
  const containers = widest(reasons.map(({ container }) => safe(container ?? '')));
  const fields = widest(reasons.map(({ field }) => safe(field)));
  const heads = reasons.map((reason) => {
    const container = containers === 0 ? '' : `${pad(safe(reason.container ?? ''), containers)}  `;
    return `${container}${pad(safe(reason.field), fields)}  ${reasonText(reason)}`;
  });
  const column = Math.min(widest(heads), 64);
  return reasons.map((reason, index) => placed(heads[index] ?? '', reason.origin, column, look, indent));
}

function placed(
  head: string,
  origin: Origin | undefined,
  column: number,
  look: Look,
  indent: string,
): string {
  const room = look.width === null ? null : Math.max(8, look.width - widthOf(indent));
  if (origin === undefined) return indent + truncate(head, room);
  const place = placeOf(origin);
  const full = `${pad(head, column)}  ${place}`;
  if (room === null || widthOf(full) <= room)
    return `${indent}${pad(head, column)}  ${paint(look, 'dim', place)}`;
  const short = truncateStart(place, Math.max(12, Math.floor(room / 2)));
  const left = Math.max(1, room - widthOf(short) - 2);
  return `${indent}${pad(truncate(head, left), left)}  ${paint(look, 'dim', short)}`;
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
