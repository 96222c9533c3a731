import { expect, it } from 'vitest';
import { newLab, serviceFiles } from './lab.ts';
import { steward } from './steward.ts';

/** A folder that is renamed is another service, with an empty dataset: whoever did not mean that is to see it. */

it('the plan of a new dataset names the one that is orphaned by the same commit, once', async () => {
  const lab = await newLab(['blog', 'wiki']);
  try {
    await steward(['reconcile', '--once', ...lab.flags]);
    await lab.commit('Only a new one', serviceFiles('music'));
    expect((await steward(['plan', ...lab.flags])).stdout).not.toContain('zfs rename');
    await steward(['reconcile', '--once', ...lab.flags]);
    await lab.commit('Call it pages', {
      ...Object.fromEntries(Object.keys(serviceFiles('wiki')).map((file) => [file, null])),
      ...serviceFiles('pages'),
    });
    const [plan = '', ...more] = (await steward(['plan', ...lab.flags])).stdout
      .replace(/\n {2,}/g, ' ')
      .split('\n')
      .filter((line) => line.includes('zfs rename'));
    expect(more).toEqual([]);
    expect(plan).toContain(
      'new and empty; datapool/services/wiki is orphaned by the same commit: if this is its new name, zfs rename comes first (docs: rename a service)',
    );
    await steward(['reconcile', '--once', ...lab.flags]);
    await lab.commit('One more', serviceFiles('films'));
    expect((await steward(['plan', ...lab.flags])).stdout).not.toContain('zfs rename');
  } finally {
    lab.remove();
  }
});
