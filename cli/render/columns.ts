import { type Named, namer } from './names.ts';
import { type Look, pad, truncateStart, widest } from './text.ts';

/** Kind and name of a change, aligned among all that belong together. */
export type Columns = (item: Named) => string;

/** What follows the name in the line of an outcome: `  interrupted  3 min 5 s`. */
const rest = 24;

export function columnsOf(items: Named[], look: Look, mountpoint?: string): Columns {
  const nameOf = namer(items, mountpoint);
  const kinds = widest(items.map(({ kind }) => kind));
  const room = look.width === null ? null : Math.max(12, look.width - kinds - rest);
  const names = Math.min(widest(items.map(nameOf)), room ?? 60);
  return (item) => {
    const name = room === null ? nameOf(item) : truncateStart(nameOf(item), names);
    return `${pad(item.kind, kinds)}  ${pad(name, names)}`;
  };
}
