import type { StepProgress } from '../../reconciler/apply/types.ts';
import { partAt } from '../../reconciler/parts.ts';
import type { Change, Step } from '../../reconciler/types.ts';
import { bytes, count } from './quantity.ts';
import { duration } from './time.ts';

const words: Partial<Record<Step['op'], string>> = {
  'borg-init': 'opening the repository',
  'borg-list': 'reading which archives there are',
  'container-exec': 'running a hook',
  'containers-stop': 'stopping its containers',
  'containers-start': 'starting its containers',
  'containers-pause': 'pausing its containers',
  'containers-unpause': 'letting its containers go on',
  'zfs-snapshot': 'taking the snapshot',
  'zfs-destroy-snapshots': 'clearing the snapshot away',
  'borg-create': 'archiving',
  'borg-find': 'looking for the archive',
  'require-empty': 'making sure that nothing is there',
  'borg-extract': 'restoring',
  'borg-extract-to': 'extracting',
  'zfs-rollback': 'going back',
  'snapshot-by-hand': 'keeping what is there in a safety snapshot',
  'files-restore': 'bringing the files back',
  'borg-delete': 'pruning',
  'borg-compact': 'freeing space',
  'borg-manifest': 'taking a manifest of the snapshot',
  'borg-check': 'checking the repository',
  'scratch-create': 'making a scratch dataset',
  'borg-extract-scratch': 'restoring into the scratch dataset',
  'borg-compare': 'comparing what was restored',
  'drill-start': 'starting its stack on what was restored',
  'drill-stop': 'stopping that again',
  'scratch-destroy': 'clearing the scratch dataset away',
};

export function stepName(change: Change, step: number): string {
  return change.steps[step]?.op ?? 'unknown';
}

/** What a long change is at. */
export function stepText(change: Change, step: number): string {
  const op = change.steps[step]?.op;
  const part = partAt(change, step);
  const whose = part === null ? '' : ` (${part.service})`;
  return `${op === undefined ? 'at work' : opText(op)}${whose}`;
}

export function opText(op: Step['op']): string {
  return words[op] ?? 'at work';
}

/** `archiving, 1,204 files, 3.4 GB, 41 MB/s, about 2 min left`; the numbers alone for programs. */
export function progressText(
  change: Change,
  step: number,
  { files, bytes: done, totalBytes }: StepProgress,
  elapsedMs: number,
): { text: string; numbers: Record<string, number | null> } {
  const rate = elapsedMs < 500 ? null : (done * 1000) / elapsedMs;
  const left = secondsLeft(totalBytes ?? expectedBytes(change.steps[step]), done, rate);
  const parts = [
    stepText(change, step),
    // Not every sub-command of borg counts them.
    ...(files === 0 && done > 0 ? [] : [`${count(files)} files`]),
    bytes(done),
    ...(rate === null ? [] : [`${bytes(rate)}/s`]),
    ...(left === null ? [] : [`about ${duration(left * 1000)} left`]),
  ];
  const numbers = {
    files,
    bytes: done,
    bytesPerSecond: rate === null ? null : Math.round(rate),
    secondsLeft: left,
  };
  return { text: parts.join(', '), numbers };
}

/** Of a backup: as much as in the archive before. */
function expectedBytes(step: Step | undefined): number | null {
  return step?.op === 'borg-create' ? (step.expected?.bytes ?? null) : null;
}

/** Null where it is not known, or where there was more than was expected. */
function secondsLeft(totalBytes: number | null, done: number, rate: number | null): number | null {
  if (totalBytes === null || rate === null || rate <= 0) return null;
  const left = totalBytes - done;
  return left < 0 ? null : Math.round(left / rate);
}
