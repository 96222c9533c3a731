import { isOpen, type Recovery } from '../../reconciler/state/recovery.ts';
import { joinLines, type Look, pad, paint, plural, type Style, safe, widest } from '../render/text.ts';
import { relative } from '../render/time.ts';

/** What came from when. */
export interface RecoveryReport {
  recoveries: Recovery[];
  /** Service -> why it was left alone. */
  alone: ReadonlyMap<string, string>;
  /** The first 7 characters of the commit. */
  commit: string;
  /** Everything is as Git says. */
  converged: boolean;
}

export function isRecovered({ recoveries, converged }: RecoveryReport): boolean {
  return converged && !recoveries.some(isOpen);
}

export function renderReport(report: RecoveryReport, look: Look, nowMs: number): string {
  const rows = [
    ...report.recoveries.map((recovery) => rowOf(recovery, nowMs)),
    ...[...report.alone].map(
      ([service, why]): Row => ({ service, style: 'dim', sign: '·', says: `left alone: ${why}` }),
    ),
  ];
  if (rows.length === 0) return joinLines(['No service has a backup, so there is nothing to recover.']);
  const width = widest(rows.map(({ service }) => safe(service)));
  const lines = rows.map(
    ({ service, style, sign, says }) =>
      `${paint(look, style, sign)} ${pad(safe(service), width)}  ${safe(says)}`,
  );
  return joinLines(['', ...lines, '', total(report)], look);
}

interface Row {
  service: string;
  style: Style;
  sign: string;
  says: string;
}

function rowOf({ service, phase, archive, atMs, note }: Recovery, nowMs: number): Row {
  const older = note === null ? '' : `; ${note}`;
  const why = note === null ? '' : `: ${note}`;
  switch (phase) {
    case 'restored': {
      const when = atMs === null ? '' : `, of ${relative(atMs, nowMs)}`;
      return { service, style: 'green', sign: '✓', says: `${archive}${when}${older}` };
    }
    case 'nothing':
      return {
        service,
        style: 'red',
        sign: '✗',
        says: `no archive in ${note}; steward recover --start-empty ${service}`,
      };
    case 'given-up':
      return { service, style: 'yellow', sign: '·', says: 'starts with what is there' };
    case 'restoring':
      return {
        service,
        style: 'red',
        sign: '✗',
        says: `not recovered yet${why}; ${partly(service, archive)}`,
      };
    default:
      return { service, style: 'red', sign: '✗', says: `not recovered yet${why}` };
  }
}

/** Whoever puts a copy there by hand, or clears up, has to say so. */
function partly(service: string, archive: string | null): string {
  const part = `what is on its datasets counts as a part of ${archive}, which steward recover removes when it goes on`;
  return `${part}; --start-empty ${service} once you have removed it, --keep-what-is-there ${service} to start with it`;
}

function total(report: RecoveryReport): string {
  const { recoveries, commit, converged } = report;
  const done = recoveries.filter(({ phase }) => phase === 'restored').length;
  const open = recoveries.filter(isOpen).length;
  const what = `${plural(done, 'service')} recovered, with everything else as ${commit} says`;
  if (isRecovered(report))
    return recoveries.length === 0 ? `Nothing to recover: ${commit} is in force.` : `${what}.`;
  if (open > 0)
    return `${plural(open, 'service')} of ${recoveries.length} not recovered; steward recover goes on where it stopped.`;
  return converged
    ? `${what}.`
    : `${plural(done, 'service')} recovered, but not everything is as ${commit} says: steward status`;
}
