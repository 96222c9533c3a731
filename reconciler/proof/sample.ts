import { type ArchiveItem, isExact } from '../../tools/borg/items.ts';
import { digest } from '../../tools/digest.ts';

/** Which files of an archive are looked at byte by byte: always the same for one archive, others for the next. */

const wanted = 64;
/** Of a path: the sample goes through one command line. */
const longestPath = 400;
const largestFile = 1024 ** 3;

export interface Tally {
  entries: number;
  bytes: number;
  take(item: ArchiveItem): void;
  /** In the order of their paths. */
  sample(): ArchiveItem[];
}

/** Takes the items of an archive one at a time, and remembers no more of them than the sample. */
export function tally(archive: string): Tally {
  let chosen: { key: string; item: ArchiveItem }[] = [];
  return {
    entries: 0,
    bytes: 0,
    take(item) {
      this.entries += 1;
      this.bytes += isFile(item) ? item.size : 0;
      if (!isFile(item) || !isExact(item) || item.path.length > longestPath || item.size > largestFile)
        return;
      const key = digest(`${archive}\n${item.path}`);
      if (chosen.length === wanted && key > (chosen.at(-1)?.key ?? '')) return;
      chosen = [...chosen, { key, item }].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, wanted);
    },
    sample: () => chosen.map(({ item }) => item).sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

function isFile({ mode }: ArchiveItem): boolean {
  return mode.startsWith('-');
}
