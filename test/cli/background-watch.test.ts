import { beforeEach, expect, it } from 'vitest';
import { type BackgroundWatch, watchBackground } from '../../cli/background-watch.ts';
import type { Change, Step } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';

const repository = build.repositoryRef;
const check: Step = { op: 'borg-check', repository, mode: 'verify-data', maxSeconds: 0 };
const steps: Step[] = [
  { op: 'zfs-snapshot', snapshots: [], run: 'r', markers: [] },
  { op: 'borg-compact', repository },
];
const why = [{ field: 'archive', from: null, to: null, note: 'due since 2026-11-23T02:30:00Z' }];
const backup = build.change('backup:photo', { verb: 'run', steps, reasons: why });

let nowMs: number;
let lines: string[];
let watch: BackgroundWatch;

beforeEach(() => {
  nowMs = 1_000_000;
  lines = [];
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const info = (fields: Record<string, unknown>, message: string) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  watch = watchBackground({ info }, clock);
});

const step = (change: Change, index: number) =>
  watch.event({ type: 'step', change, step: index, progress: null });
const progress = (bytes: number, change = backup, index = 1) =>
  watch.event({
    type: 'step',
    change,
    step: index,
    progress: { files: 3, bytes, totalBytes: 99, at: 'a/b' },
  });
const names = '"kind":"backup","id":"backup:photo","service":"photo"';

it('a backup has a line when it begins, for each step, and now and then while one goes on', () => {
  watch.event({ type: 'started', change: backup });
  step(backup, 0);
  step(backup, 1);
  for (let minute = 0; minute < 11; minute += 1) {
    nowMs += 60_000;
    progress(minute);
  }
  expect(lines).toEqual([
    `change begun {${names},"verb":"run","why":["due since 2026-11-23T02:30:00Z"]}`,
    `step begun {${names},"step":"zfs-snapshot"}`,
    `step begun {${names},"step":"borg-compact"}`,
    `step goes on {${names},"step":"borg-compact","files":3,"bytes":4,"totalBytes":99}`,
    `step goes on {${names},"step":"borg-compact","files":3,"bytes":9,"totalBytes":99}`,
  ]);
});

it('what is under way is known from its begin to its end, with the step and how far it is', () => {
  expect(watch.running('photo')).toBeNull();
  watch.event({ type: 'started', change: backup });
  nowMs += 5_000;
  step(backup, 0);
  const begun = { what: 'archive', since: 1_000_000 };
  const uncounted = { files: null, bytes: null, totalBytes: null };
  expect(watch.running('photo')).toEqual({ ...begun, step: 'zfs-snapshot', ...uncounted });
  progress(7);
  expect(watch.running('photo')).toMatchObject({ ...begun, step: 'borg-compact', files: 3, bytes: 7 });
  const outcome = { change: backup, result: 'applied', error: null, durationMs: 1, downtimeMs: 0 } as const;
  watch.event({ type: 'finished', outcome });
  expect(watch.running('photo')).toBeNull();
});

it('a check is told as what it is', () => {
  const change = build.change('borg-repository:datapool/services/photo', { verb: 'run', steps: [check] });
  watch.event({ type: 'started', change });
  expect(watch.running('photo')).toMatchObject({ what: 'verify-data' });
});
