import { beforeEach, describe, expect, it } from 'vitest';
import { doubtRepository, readBackups } from '../../../reconciler/state/backups.ts';
import * as build from '../../support/build.ts';
import { aDayLater, archives, dayMs, desired, lab } from './saga-lab.ts';

const location = '/backup/datapool_services_photo';
const superseded = ['photo-2023-11-01T02:30:00Z.checkpoint', 'photo-2023-11-02T02:30:00Z.checkpoint.1'];
const others = [
  'laptop-2023-11-01T02:30:00Z.checkpoint',
  'photo-old-2023-11-01T02:30:00Z.checkpoint',
  'photo-2030-11-01T02:30:00Z.checkpoint',
  'photo.checkpoint',
];

/** As attempts have left them; Steward reads the repository again after each. */
function left(names: string[]): void {
  const { archives: table } = lab.host.state;
  const rest = { location, files: 1, comment: '', contents: {}, atMs: 0 };
  for (const name of names) table.set(`${location}::${name}`, { ...rest, name, id: `id of ${name}` });
  doubtRepository(lab.store(), location);
}

function keeping(over: Parameters<typeof build.backup>[1]): void {
  const rest = desired.resources.filter(({ kind }) => kind !== 'backup');
  lab.push({ ...desired, resources: [...rest, build.backup('photo', over)] });
}

const known = () => readBackups(lab.store()).repositories.get(location)?.checkpoints;

/** The steps of the next night's backup, which is then made. */
async function nextNight() {
  lab.later(dayMs);
  const cycle = await lab.cycle();
  const steps = cycle.plan?.changes.find(({ kind }) => kind === 'backup')?.steps ?? [];
  await lab.beside(cycle);
  return steps.filter(({ op }) => op === 'borg-delete' || op === 'borg-compact');
}

describe('what attempts that were cut off have left', () => {
  beforeEach(async () => {
    for (let file = 0; file < 10; file += 1) lab.host.writeData(`/datapool/services/photo/file-${file}`);
    await aDayLater();
  });

  it.each([[{ daily: 7 }], [null]])(
    'goes with the next archive, by name, whatever the retention (%j)',
    async (retention) => {
      keeping({ retention });
      left([...superseded, ...others]);
      await lab.beside(await lab.cycle());
      expect(known()?.sort()).toEqual([...superseded, ...others].sort());
      const steps = await nextNight();
      expect(steps).toMatchObject([{ op: 'borg-delete', archives: superseded }, { op: 'borg-compact' }]);
      const whole = ['photo-2023-11-15T02:30:00Z', 'photo-2023-11-16T02:30:00Z'];
      expect(archives()).toEqual([...whole, ...others].sort());
      expect(known()?.sort()).toEqual([...others].sort());
      expect(await nextNight()).toEqual([]);
    },
  );

  it('is no archive: it counts for no tick, and is not listed with them', async () => {
    left(superseded);
    await lab.beside(await lab.cycle());
    const names = readBackups(lab.store())
      .archives.get(location)
      ?.map(({ name }) => name);
    expect(names).toEqual(['photo-2023-11-15T02:30:00Z']);
  });

  it('stays where the archive is in doubt, and in an append-only repository', async () => {
    left(superseded);
    await lab.beside(await lab.cycle());
    for (const path of [...lab.host.state.paths.values()])
      if (path.path.startsWith('/file-')) lab.host.state.paths.delete(`${path.filesystem}:${path.path}`);
    expect(await nextNight()).toHaveLength(2);
    expect(archives()).toEqual(expect.arrayContaining(superseded));
    expect(known()).toEqual(superseded);
    keeping({ repository: { ...build.repositoryRef, appendOnly: true } });
    expect(await nextNight()).toEqual([]);
    expect(archives()).toEqual(expect.arrayContaining(superseded));
  });
});
