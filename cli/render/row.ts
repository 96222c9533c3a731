import { type Named, namer } from './names.ts';
import { type Look, pad, paint, type Style, truncate, truncateStart, widest, widthOf } from './text.ts';

/** One line of a plan's table, and what stands below it. */
export interface Row extends Named {
  sign: string;
  style: Style;
  summary: string;
  below: string[];
}

export function tableLines(rows: Row[], look: Look, mountpoint: string | undefined): string[] {
  const nameOf = namer(rows, mountpoint);
  const kinds = widest(rows.map(({ kind }) => kind));
  const room = look.width === null ? 60 : Math.max(12, Math.floor((look.width - kinds - 6) * 0.6));
  const names = Math.min(widest(rows.map(nameOf)), room);
  return rows.flatMap((row) => {
    const name = look.width === null ? nameOf(row) : truncateStart(nameOf(row), names);
    const head = `${pad(row.kind, kinds)}  ${pad(name, names)}`;
    const left = look.width === null ? null : Math.max(4, look.width - widthOf(head) - 4);
    return [`${paint(look, row.style, row.sign)} ${head}  ${truncate(row.summary, left)}`, ...row.below];
  });
}
