import { digest } from '../../tools/digest.ts';
import type { Entry } from './listing.ts';

/** Which files of a snapshot are looked at byte by byte: always the same for one archive, others for the next. */

const wanted = 64;
/** Of a path: the sample goes through one command line. */
const longestPath = 400;
const largestFile = 1024 ** 3;

export interface Sampler {
  take(entry: Entry): void;
  /** In the order of their paths. */
  chosen(): (Entry & { name: string })[];
}

/** Takes what is in a listing one at a time, and remembers no more of it than the sample. */
export function sampler(archive: string): Sampler {
  let chosen: { key: string; entry: Entry & { name: string } }[] = [];
  return {
    take(entry) {
      const { type, size, path } = entry;
      if (type !== 'f' || size > largestFile || path.length > longestPath) return;
      const name = path.toString();
      // A name that is no text can be given to no command.
      if (!Buffer.from(name).equals(path)) return;
      const key = digest(`${archive}\n${name}`);
      if (chosen.length === wanted && key > (chosen.at(-1)?.key ?? '')) return;
      // Its bytes are part of a batch that goes.
      const kept = { ...entry, path: Buffer.from(path), name };
      chosen = [...chosen, { key, entry: kept }].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, wanted);
    },
    chosen: () => chosen.map(({ entry }) => entry).sort((a, b) => Buffer.compare(a.path, b.path)),
  };
}
