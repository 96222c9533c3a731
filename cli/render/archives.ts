import { instant, parseArchiveName } from '../../reconciler/backup/names.ts';
import type { ArchiveRecord } from '../../reconciler/state/archives.ts';
import type { KnownArchives } from '../archives/known.ts';
import { bytes, count } from './quantity.ts';
import {
  joinLines,
  pad,
  padStart,
  paint,
  plural,
  type StatusOptions,
  type Style,
  safe,
  widest,
} from './text.ts';
import { relative } from './time.ts';

/** The archives of one service, and how much is known of each. */
export function renderArchives(known: KnownArchives, location: string, options: StatusOptions): string {
  const { own, foreign, listedMs } = known;
  const asked = `as ${safe(location)} said ${relative(listedMs, options.now)}, and as Steward has made and deleted since`;
  const before = known.earlier
    .filter((each) => each.own.length > 0)
    .flatMap((each) => ['', ...table(each.own, known, options), '', earlierTotal(each, known)]);
  if (own.length === 0 && foreign.length === 0)
    return joinLines([`No archive, ${asked}.`, ...before], options);
  const others = foreign.map(({ name }) => `${safe(name)}  ${paint(options, 'dim', 'not by Steward')}`);
  const total = `${plural(own.length + foreign.length, 'archive')}, ${asked}.`;
  return joinLines([...table(own, known, options), ...others, '', total, ...before], options);
}

function earlierTotal(
  { own, location }: KnownArchives['earlier'][number],
  { service }: KnownArchives,
): string {
  return `${plural(own.length, 'archive')} in ${safe(location)}, where ${safe(service)} was backed up before: browse, extract and mount read them by name.`;
}

function table(archives: ArchiveRecord[], known: KnownArchives, options: StatusOptions): string[] {
  const cells = archives.map((archive) => [
    safe(archive.name),
    relative(archive.atMs, options.now),
    filesOf(archive),
    archive.originalBytes === null ? '' : bytes(archive.originalBytes),
  ]);
  const widths = [0, 1, 2, 3].map((column) => widest(cells.map((line) => line[column] ?? '')));
  return archives.map((archive, index) => {
    const [name = '', age = '', files = '', size = ''] = cells[index] ?? [];
    const [nameWidth = 0, ageWidth = 0, filesWidth = 0, sizeWidth = 0] = widths;
    const left = `${pad(name, nameWidth)}  ${pad(age, ageWidth)}`;
    const right = `${padStart(files, filesWidth)}  ${padStart(size, sizeWidth)}`;
    return `${left}  ${right}  ${stateOf(archive, known, options)}`.trimEnd();
  });
}

function filesOf({ files }: ArchiveRecord): string {
  return files === null ? '' : `${count(files)} ${files === 1 ? 'file' : 'files'}`;
}

function stateOf(archive: ArchiveRecord, { proven, service }: KnownArchives, options: StatusOptions): string {
  const late = isLate(archive, service) ? `data of ${instant(archive.atMs)}` : '';
  const [text, style] = wordsOf(archive, proven, options.now);
  return [late, text === '' ? '' : paint(options, style, text)].filter(Boolean).join('  ');
}

/** Made for a tick that was over for so long that who goes by the name would take another one than he wants. */
function isLate({ name, atMs }: ArchiveRecord, service: string): boolean {
  return atMs - (parseArchiveName(service, name) ?? atMs) > 3_600_000;
}

function wordsOf(
  { name, atMs, clean }: ArchiveRecord,
  proven: string | null,
  nowMs: number,
): [string, Style] {
  if (name === proven) return ['restored for proof, always kept', 'green'];
  if (atMs > nowMs) return ['dated later than now', 'yellow'];
  if (clean === false) return ['made with warnings', 'yellow'];
  return clean === null ? ['how it ended is not known here', 'dim'] : ['', 'dim'];
}
