/**
 * What borg prints on stderr with --log-json: one JSON object a line, and plain text where Python, ssh or mount speak
 * for themselves. Lines are taken one at a time and forgotten: a first backup prints one for each file.
 */

export interface BorgProgress {
  files: number;
  /** Read so far. */
  bytes: number;
  /** To be read in all; null where borg does not say. */
  totalBytes: number | null;
  /** Path, or what borg says it is doing; null where it does not say. */
  at: string | null;
}

export interface BorgLog {
  /** Messages of level WARNING and above; the first hundred. */
  warnings: string[];
  /** The last message of level ERROR or above, which says why borg gave up. */
  error: string | null;
  /** Borg's name of that fault; null where it has none. */
  msgid: string | null;
  /** Letter of --list -> how many files had it. */
  statuses: Record<string, number>;
  /** Paths that `borg extract --list` has named. */
  listed: number;
  /** Lines that are not JSON; the last twenty. */
  plain: string[];
}

export function emptyLog(): BorgLog {
  return { warnings: [], error: null, msgid: null, statuses: {}, listed: 0, plain: [] };
}

/** Who is told of each, as it comes. */
export interface LogTakers {
  onStatus?: ((letter: string, path: string) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

/** Takes one line into `log`; gives what it tells of the progress, if it does. */
export function readLogLine(
  line: string,
  log: BorgLog,
  { onStatus, onWarning }: LogTakers = {},
): Partial<BorgProgress> | null {
  const event = parsed(line);
  if (event === null) {
    if (line.trim() !== '') log.plain = [...log.plain, line.trimEnd()].slice(-20);
    return null;
  }
  switch (event.type) {
    case 'log_message':
      return event.name === 'borg.output.list' ? listed(event, log) : takeMessage(event, log, onWarning);
    case 'file_status':
      log.statuses[text(event.status)] = (log.statuses[text(event.status)] ?? 0) + 1;
      onStatus?.(text(event.status), text(event.path));
      return null;
    case 'archive_progress':
      // The last one only says that it is finished.
      return event.nfiles === undefined
        ? null
        : { files: number(event.nfiles), bytes: number(event.original_size), at: text(event.path) || null };
    case 'progress_percent':
      if (event.msgid === 'extract') return extracted(event);
      return text(event.message) === '' ? null : { at: text(event.message).trim() };
    case 'progress_message':
      return text(event.message) === '' ? null : { at: text(event.message).trim() };
    default:
      return null;
  }
}

/** Of an archive that is restored `--progress` tells the bytes, and `--list` the paths. */
function extracted({ current, total }: BorgEvent): Partial<BorgProgress> | null {
  if (current === undefined) return null;
  return { bytes: number(current), totalBytes: typeof total === 'number' ? total : null };
}

function listed(event: BorgEvent, log: BorgLog): Partial<BorgProgress> {
  log.listed += 1;
  return { files: log.listed, at: text(event.message) };
}

type BorgEvent = Record<string, unknown>;

function parsed(line: string): BorgEvent | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as BorgEvent;
  } catch {
    return null;
  }
}

function takeMessage(event: BorgEvent, log: BorgLog, onWarning?: LogTakers['onWarning']): null {
  const message = text(event.message).trim();
  const level = text(event.levelname);
  // Versions and the like, which follow a traceback and say nothing of the fault.
  const isNoise = message === '' || /^(Borg server: )?Platform: /.test(message);
  if (isNoise || !['WARNING', 'ERROR', 'CRITICAL'].includes(level)) return null;
  onWarning?.(message);
  if (log.warnings.length < 100) log.warnings.push(message);
  if (level === 'WARNING') return null;
  log.error = message;
  if (text(event.msgid) !== '') log.msgid = text(event.msgid);
  return null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
