import { pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { cycleLog, failureLog } from '../../cli/cycle-log.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import * as build from '../support/build.ts';

/** Level and message of each line of the log; those of debug too. */
let lines: string[];
let tell: (over?: Partial<Cycle>) => string[];
let failures: ReturnType<typeof failureLog>;

beforeEach(() => {
  lines = [];
  const write = (line: string) => {
    const { level, msg, err = '' } = JSON.parse(line);
    lines.push(`${pino.levels.labels[level]} ${msg} ${err}`.trim());
  };
  const log = cycleLog(pino({ level: 'debug' }, { write }));
  failures = failureLog(pino({ level: 'info' }, { write }));
  tell = (over = {}) => {
    log({ ...quiet, ...over });
    return lines.splice(0);
  };
});

const quiet: Cycle = {
  ...{ atMs: 0, result: 'converged', commit: build.commit, plan: null, outcomes: [], problems: [] },
  ...{ fetchError: null, refused: null, loadError: null, durationsMs: {}, desired: null },
};
const problem = (message: string) =>
  ({ severity: 'warning', file: 'lab.yaml', line: 3, column: 1, message }) as const;

it('a cycle is told when it is another than the one before, and at debug level else', () => {
  expect(tell()).toEqual(['info cycle']);
  expect(tell()).toEqual(['debug cycle']);
  expect(tell({ result: 'held' })).toEqual(['info cycle']);
  expect(tell({ result: 'held' })).toEqual(['debug cycle']);
  const next = { ...build.commit, id: 'b'.repeat(40) };
  expect(tell({ result: 'held', commit: next })).toEqual(['info cycle']);
});

it('so is one that carried something out', () => {
  tell({ result: 'changed' });
  const change = build.change('compose-stack:photo');
  const outcome = { change, result: 'applied', error: null, durationMs: 1, downtimeMs: 0 } as const;
  for (let time = 0; time < 2; time += 1)
    expect(tell({ result: 'changed', outcomes: [outcome] })).toEqual(['info change applied', 'info cycle']);
});

it('a problem is told once, and again when it comes back', () => {
  const [one, two] = [problem('no health check'), problem('no backup')];
  expect(tell({ problems: [one] })).toEqual(['warn no health check', 'info cycle']);
  expect(tell({ problems: [one] })).toEqual(['debug cycle']);
  expect(tell({ problems: [one, two] })).toEqual(['warn no backup', 'debug cycle']);
  expect(tell({ problems: [two] })).toEqual(['debug cycle']);
  expect(tell({ problems: [one, { ...two, line: 4 }] })).toEqual([
    'warn no health check',
    'warn no backup',
    'debug cycle',
  ]);
});

it('a remote that does not answer, a commit that is refused or cannot be read is told once, too', () => {
  const offline = { fetchError: 'git.lan does not answer' };
  tell();
  expect(tell(offline)).toEqual(['warn repository not reached git.lan does not answer', 'debug cycle']);
  expect(tell(offline)).toEqual(['debug cycle']);
  const refused = { fetchError: 'commit 3f2a1c9 is not signed', refused: build.commit };
  expect(tell(refused)).toEqual(['error commit refused commit 3f2a1c9 is not signed', 'debug cycle']);
  expect(tell(refused)).toEqual(['debug cycle']);
  expect(tell({ loadError: 'docker hangs' })).toEqual([
    'error commit could not be read docker hangs',
    'debug cycle',
  ]);
  expect(tell({ loadError: 'docker hangs' })).toEqual(['debug cycle']);
  tell();
  expect(tell(offline)).toEqual(['warn repository not reached git.lan does not answer', 'debug cycle']);
});

it('why no cycle could be carried out is told once, as is that it is over', () => {
  for (const err of ['disk full', 'disk full', 'somebody is at work', 'disk full']) failures.failed(err);
  failures.over();
  failures.over();
  expect(lines).toEqual([
    'error cycle failed disk full',
    'error cycle failed somebody is at work',
    'error cycle failed disk full',
    'info cycles are carried out again',
  ]);
});
