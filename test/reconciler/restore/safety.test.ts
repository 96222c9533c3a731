import { describe, expect, it } from 'vitest';
import { parseSnapshots } from '../../../observers/snapshots-parse.ts';
import { safetySnapshots, undoProblem } from '../../../reconciler/restore/safety.ts';
import { datasetText, type Snapshot } from '../../snapshots/zfs-text.ts';

const photo = 'datapool/services/photo';
const database = `${photo}/database`;

/** As a restore takes them at an instant: `txg` is the order in which ZFS took them, whatever the clock said. */
function kept(instant: string, txg: number): Snapshot {
  const mark: [string, string, string] = ['steward:run', `restore-photo-${instant}`, 'local'];
  return {
    ...{ tag: `steward-before-restore-${instant}`, marks: [mark], txg },
    created: Date.parse(instant) / 1000,
  };
}

function found(own: Snapshot[], ofDatabase: Snapshot[] = own) {
  const text = datasetText(photo, '42', own) + datasetText(database, '43', ofDatabase);
  return parseSnapshots(text, [photo, database]);
}

const [first, second] = [kept('2026-11-28T20:00:00Z', 100), kept('2026-11-28T20:10:00Z', 200)];
const [tag, secondTag] = [first.tag, second.tag];
const byHand: Snapshot = { tag: 'by-hand', txg: 300 };

function problemOf(own: Snapshot[], ofDatabase: Snapshot[] = own, also: string[] = []): string | null {
  const datasets = found(own, ofDatabase);
  const [target] = safetySnapshots(datasets);
  if (target === undefined) throw new Error('nothing is kept');
  return undoProblem({ service: 'photo', datasets: [photo, database, ...also] }, datasets, target);
}

describe('what restores have kept', () => {
  it('is known by their mark, newest first', () => {
    const all = safetySnapshots(found([first, byHand, second]));
    expect(all.map(({ tag }) => tag)).toEqual([secondTag, tag]);
    expect(all[1]?.snapshots).toEqual([`${photo}@${tag}`, `${database}@${tag}`]);
    expect(all[1]?.createdMs).toBe(Date.parse('2026-11-28T20:00:00Z'));
  });

  it('is in the order in which it was taken, also where the clock was ahead once', () => {
    const ahead = kept('2036-01-01T00:00:00Z', 50);
    expect(safetySnapshots(found([ahead, first])).map((each) => each.tag)).toEqual([tag, ahead.tag]);
  });
});

describe('an undo', () => {
  it('goes back to the newest, whatever older restores have kept', () => {
    expect(problemOf([first])).toBeNull();
    expect(problemOf([byHand, first, second].map((each, txg) => ({ ...each, txg })))).toBeNull();
  });

  it('over a newer snapshot is refused, with the command that does without', () => {
    expect(problemOf([first, byHand])).toBe(
      `${photo}@by-hand is newer than ${photo}@${tag}, and going back would destroy it; nothing was done. steward snapshot rollback photo ${tag} copies the files back instead`,
    );
  });

  it('over a newer one names no rollback where a dataset that Git declares no more would have it refused', () => {
    expect(problemOf([first, byHand], [first], [`${photo}/old`])).toBe(
      `${photo}@by-hand is newer than ${photo}@${tag}, and going back would destroy it; nothing was done. The files are in /${photo}/.zfs/snapshot/${tag}, /${database}/.zfs/snapshot/${tag}`,
    );
    expect(problemOf([first], [first], [`${photo}/old`])).toBeNull();
  });

  it('that a dataset lacks is refused, with where the files are: a rollback would be refused for the same', () => {
    const problem = `the restore has kept no ${database}@${tag}, so not all of the service could go back; nothing was done. The files of the others are in /${photo}/.zfs/snapshot/${tag}`;
    expect(problemOf([first], [])).toBe(problem);
    expect(problemOf([first, byHand], [])).toBe(problem);
    expect(problemOf([first], [{ tag, txg: 100 }])).toBe(problem);
  });
});
