import { describe, expect, it } from 'vitest';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import {
  aDayLater,
  archives,
  backupOps,
  dayMs,
  lab,
  names,
  opsSince,
  snapshots,
  stillRunning,
} from './saga-lab.ts';

/** From here on nothing can be written down any more, as on a full disk. */
const canWrite = (can: boolean) => lab.store().db.exec(`PRAGMA query_only = ${can ? 'OFF' : 'ON'}`);

/** The night, whose state becomes full at this step. */
async function night(op: Step['op'] | null, when: 'before' | 'after'): Promise<void> {
  lab.later(dayMs);
  const cycle = await lab.cycle();
  const { executor } = lab.host;
  if (op === null) canWrite(false);
  await lab.beside(cycle, {
    executor: {
      async execute(step, options) {
        if (step.op === op && when === 'before') canWrite(false);
        const facts = await executor.execute(step, options);
        if (step.op === op && when === 'after') canWrite(false);
        return facts;
      },
    },
  });
}

const places = backupOps.flatMap((op) => (['before', 'after'] as const).map((when) => [when, op] as const));

describe('when the state can no longer be written', () => {
  it.each(places)(
    '%s %s, the service runs, no snapshot stays, and room is all it takes',
    async (when, op) => {
      await expect(night(op, when)).rejects.toThrow('cannot be used');
      expect(await stillRunning()).toEqual(names);
      expect(snapshots()).toEqual([]);
      canWrite(true);
      lab.restart();
      await lab.settleRuns();
      await lab.beside(await lab.cycle());
      await lab.beside(await lab.cycle());
      expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
      expect(await stillRunning()).toEqual(names);
      expect(snapshots()).toEqual([]);
      expect(readUndo(lab.store())).toEqual([]);
      expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [] });
    },
  );

  it('before the backup begins, nothing is stopped', async () => {
    const before = lab.host.steps.length;
    await expect(night(null, 'before')).rejects.toThrow('cannot be used');
    expect(lab.host.steps.slice(before)).toEqual([]);
  });

  it.each<[string, string, Step['op'][]]>([
    ['the hook before the snapshot', "progress WHEN NEW.step = 'container-exec'", []],
    // What the hook has begun is ended, and that is all.
    ['the stop', 'backups WHEN NEW.stops > 0', ['container-exec', 'container-exec']],
  ])('after half of what %s needs on the disk, it is not begun', async (_what, row, expected) => {
    await aDayLater();
    lab.later(dayMs);
    const before = lab.host.steps.length;
    const cycle = await lab.cycle();
    lab.store().db.exec(`CREATE TRIGGER full BEFORE INSERT ON ${row} BEGIN SELECT RAISE(ABORT, 'full'); END`);
    await expect(lab.beside(cycle)).rejects.toThrow('cannot be used');
    expect(opsSince(before)).toEqual(expected);
    expect(readUndo(lab.store())).toEqual([]);
  });
});
