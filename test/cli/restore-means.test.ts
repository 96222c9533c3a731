import { describe, expect, it } from 'vitest';
import { type MeantRestore, restoreMeans, undoMeans } from '../../cli/restore/means.ts';
import type { SafetySnapshots } from '../../reconciler/restore/safety.ts';

const minute = 60_000;
const nowMs = 100 * minute;
const plain: MeantRestore = {
  desired: { service: 'photo', excludes: [] },
  change: { reasons: [] },
  kept: [],
  nowMs,
  archive: { name: 'photo-2026-11-28T02:30:00Z', atMs: nowMs - 30 * minute },
  paths: [],
  owners: {},
  passedOver: null,
};
const kept = (tag: string, minutesAgo: number): SafetySnapshots => ({
  ...{ run: `run-${tag}`, tag, snapshots: [`datapool/services/photo@${tag}`] },
  createdMs: nowMs - minutesAgo * minute,
});
const two = [kept('second', 5), kept('first', 20)];

describe('who is to agree to a restore is told', () => {
  it('what becomes what, that what is there is kept, and until when', () => {
    expect(restoreMeans(plain)).toBe(
      'All data of photo becomes what it was 30 min ago (photo-2026-11-28T02:30:00Z). What is there now is kept for --undo, until steward snapshot destroy removes it.',
    );
  });

  it('what earlier restores have kept, and what removes it', () => {
    expect(restoreMeans({ ...plain, kept: two })).toContain(
      'What is there now is kept for --undo. What earlier restores have kept stays as well (second, first): steward snapshot list photo says what that takes up, steward snapshot destroy photo TAG removes it.',
    );
  });

  it('all that he may not think of', () => {
    const writers = { field: 'writers', from: null, to: null, note: 'media-films stops too' };
    const means = restoreMeans({
      ...plain,
      ...{ paths: ['library'], passedOver: 'photo-2036 is dated later than now', owners: { note: 'moved' } },
      desired: { service: 'photo', excludes: ['cache'] },
      change: { reasons: [{ ...writers, field: 'data' }, writers] },
    });
    expect(means).toMatch(
      /^library of photo becomes .*\)\. photo-2036 is dated later than now\. What is there/,
    );
    expect(means).toMatch(
      /What backups leave out \(cache\) is gone then\. media-films stops too\. Also: moved\.$/,
    );
  });
});

describe('who is to agree to an undo is told', () => {
  it('where it leads, and what is lost', () => {
    expect(undoMeans({ ...plain, kept: two.slice(1) })).toBe(
      'photo goes back to what it was before the restore 20 min ago. What was written since is lost.',
    );
  });

  it('where the next one leads', () => {
    expect(undoMeans({ ...plain, kept: two })).toMatch(
      /before the restore 5 min ago\. .* lost\. One more --undo after that goes back to what it was before the restore 20 min ago\.$/,
    );
  });
});
