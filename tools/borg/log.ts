/**
 * What borg prints on stderr with --log-json: one JSON object a line, and plain text where Python, ssh or mount speak
 * for themselves. Lines are taken one at a time and forgotten: a first backup prints one for each file.
 */

export interface BorgProgress {
  files: number;
  /** Read so far. */
  bytes: number;
  /** Path, or what borg says it is doing; null where it does not say. */
  at: string | null;
}

export interface BorgLog {
  /** Messages of level WARNING and above; the first hundred. */
  warnings: string[];
  /** The last message of level ERROR or above, which says why borg gave up. */
  error: string | null;
  msgid: string | null;
  /** Letter of --list -> how many files had it. */
  statuses: Record<string, number>;
  /** Lines that are not JSON; the last twenty. */
  plain: string[];
}

export function emptyLog(): BorgLog {
  return { warnings: [], error: null, msgid: null, statuses: {}, plain: [] };
}

/** Takes one line into `log`; gives what it tells of the progress, if it does. */
export function readLogLine(line: string, log: BorgLog): Partial<BorgProgress> | null {
  const event = parsed(line);
  if (event === null) {
    if (line.trim() !== '') log.plain = [...log.plain, line.trimEnd()].slice(-20);
    return null;
  }
  switch (event.type) {
    case 'log_message':
      takeMessage(event, log);
      return null;
    case 'file_status':
      log.statuses[text(event.status)] = (log.statuses[text(event.status)] ?? 0) + 1;
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

/** Of an archive that is restored the bytes are told, and no files. */
function extracted(event: BorgEvent): Partial<BorgProgress> | null {
  return event.current === undefined ? null : { bytes: number(event.current), at: null };
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

function takeMessage(event: BorgEvent, log: BorgLog): void {
  const message = text(event.message).trim();
  const level = text(event.levelname);
  if (!['WARNING', 'ERROR', 'CRITICAL'].includes(level) || message === '') return;
  // Versions and the like, which follow a traceback and say nothing of the fault.
  if (/^(Borg server: )?Platform: /.test(message)) return;
  if (log.warnings.length < 100) log.warnings.push(message);
  if (level === 'WARNING') return;
  log.error = message;
  if (text(event.msgid) !== '') log.msgid = text(event.msgid);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
