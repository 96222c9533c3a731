import type { StepProgress } from '../../reconciler/apply/types.ts';
import type { Change, Step } from '../../reconciler/types.ts';
import { bytes, count } from './quantity.ts';

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
  'borg-delete': 'pruning',
  'borg-compact': 'freeing space',
};

/** What a long change is at: `archiving, 1,204 files, 3.4 GB`. */
export function stepText(change: Change, step: number, progress: StepProgress | null): string {
  const op = change.steps[step]?.op;
  const word = (op === undefined ? undefined : words[op]) ?? 'at work';
  if (progress === null) return word;
  return `${word}, ${count(progress.files)} files, ${bytes(progress.bytes)}`;
}
