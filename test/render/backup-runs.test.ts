import { describe, expect, it } from 'vitest';
import { renderRuns, runJson } from '../../cli/render/backup-runs.ts';
import type { BackupRun } from '../../reconciler/state/runs.ts';
import { archive } from '../apply/backup-fixtures.ts';
import { now } from './sample.ts';

const run = (over: Partial<BackupRun> = {}): BackupRun => ({
  service: 'photo',
  what: 'archive',
  atMs: now - 60_000,
  result: 'done',
  error: null,
  durationMs: 9_000,
  downtimeMs: 1_200,
  archive: 'photo-2026-11-23',
  facts: archive(),
  notes: [],
  ...over,
});

const text = (over: Partial<BackupRun> = {}) =>
  renderRuns([run(over)], { color: false, width: null, now }).split('\n')[0];

describe('how much the files cache knew again', () => {
  it.each([
    ['3 of 100 read', { files: 100, filesRead: 3 }, 0.97, ' · 97.0 % unchanged · '],
    ['none read', { files: 100, filesRead: 0 }, 1, ' · 100 % unchanged · '],
    ['all read', { files: 100, filesRead: 100 }, 0, ' · 0 % unchanged · '],
  ])('%s', (_what, counts, rate, words) => {
    const facts = archive(counts);
    expect(runJson(run({ facts }))).toMatchObject({ ...counts, filesCacheHitRate: rate });
    expect(text({ facts })).toContain(words);
  });

  it.each([
    ['of an archive that an earlier attempt has made nobody counted', { files: 100, filesRead: null }],
    ['of no file at all there is nothing to know', { files: 0, filesRead: 0 }],
  ])('%s', (_what, counts) => {
    const facts = archive(counts);
    expect(runJson(run({ facts }))).toMatchObject({ ...counts, filesCacheHitRate: null });
    expect(text({ facts })).not.toContain('unchanged');
    expect(text({ facts })).toContain('photo-2026-11-23');
  });
});

describe('a run without facts', () => {
  it('of an archive that was there names it', () => {
    expect(text({ facts: null })).toBe('1 min ago  photo  done  9.0 s · down 1.2 s · photo-2026-11-23');
  });

  it('that was cut off is down for nobody knows how long', () => {
    const cut = { result: 'interrupted', downtimeMs: null, archive: null, facts: null } as const;
    expect(text(cut)).toBe('1 min ago  photo  interrupted  9.0 s');
    expect(runJson(run(cut))).toMatchObject({ downtimeMs: null, archive: null });
  });
});
