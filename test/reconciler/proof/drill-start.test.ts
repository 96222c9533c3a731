import { beforeEach, describe, expect, it } from 'vitest';
import { proofArgv } from '../../../reconciler/apply/proof-argv.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import { aDayLater, begin, dayMs, drilled, lab, ops, photo, proof, scratch, settle } from './proof-lab.ts';

const where = ['nothing', 'half', 'all'] as const;

describe('a restore drill that starts the stack as well', () => {
  const drill = { cron: '0 5 * * 0', timezone: 'UTC', start: true };
  const project = 'steward-drill-photo';

  beforeEach(async () => {
    await begin(photo({ ...drilled, drill }, false));
    for (let file = 0; file < 10; file += 1) lab.host.writeData(`/datapool/services/photo/file-${file}`);
    await aDayLater();
    lab.later(4 * dayMs);
    await lab.beside(await lab.cycle());
  });

  it('does so on what was restored and compared, and stops it before that goes', async () => {
    const before = lab.host.steps.length;
    await settle();
    const all = [
      'scratch-create',
      'borg-extract-scratch',
      'borg-compare',
      'drill-start',
      'drill-stop',
      'scratch-destroy',
    ];
    expect(ops(before)).toEqual(all);
    expect(lab.host.steps.find(({ op }) => op === 'drill-start')).toMatchObject({
      ...{ service: 'photo', project, from: '/datapool/services/photo', stack: { project: 'photo' } },
      guard: { dataset: scratch, mountpoint: '/run/steward/drill/photo' },
    });
    expect(proof('drill', 'photo')).toMatchObject({
      result: 'good',
      goodArchive: 'photo-2023-11-19T02:30:00Z',
    });
    expect(lab.host.state.settings.has(project)).toBe(false);
  });

  it('on a dataset out of which it may run programs, which nobody may do otherwise', async () => {
    await settle();
    const create = lab.host.steps.findLast((step) => step.op === 'scratch-create');
    if (create === undefined) throw new Error('no drill has begun');
    const { runs, ...still } = create;
    expect(runs).toBe(true);
    expect(proofArgv(create)[0]?.join(' ')).toContain('-o setuid=off -o devices=off -o exec=on');
    expect(proofArgv(still)[0]?.join(' ')).toContain('-o setuid=off -o devices=off -o exec=off');
  });

  const ends = (['borg-compare', 'drill-start', 'drill-stop', 'scratch-destroy'] as const).flatMap((op) =>
    where.map((after) => [op, after] as const),
  );

  it.each(ends)(
    'and dies at %s with %s of it done, leaves nothing, and is made up for',
    async (op, after) => {
      const cycle = await lab.cycle();
      lab.host.faults = { steps: [{ when: { op }, how: 'freeze', after }] };
      await Promise.race([lab.beside(cycle), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      expect([lab.host.state.settings.has(project), lab.host.state.datasets.has(scratch)]).toEqual([
        false,
        false,
      ]);
      expect(readUndo(lab.store())).toEqual([]);
      await settle();
      expect(proof('drill', 'photo')).toMatchObject({ result: 'good' });
    },
  );
});
