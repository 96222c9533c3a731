import { describe, expect, it } from 'vitest';
import type { ObservedContainer } from '../../../observers/types.ts';
import { guardsByProject, guardsIn } from '../../../reconciler/backup/guards.ts';
import * as build from '../../support/build.ts';

/** What must be mounted for a container to be started again. */

const named = (...names: string[]) => names.map((name) => ({ name, mountpoint: `/tank/${name}` }));
const photo = { project: 'photo', datasets: named('photo', 'photo/database') };
const git = { project: 'git', datasets: named('git') };
const media = guardsByProject([
  build.dataset('tank/media'),
  build.dataset('tank/music'),
  build.stack('media', { needs: ['zfs-dataset:tank/media', 'docker-network:media'] }),
  build.backup('media', { project: 'media', datasets: [{ name: 'tank/films', mountpoint: '/tank/films' }] }),
]);

function guards(project: string | null, ...writes: string[]): string[] {
  const container = { project, writes } as ObservedContainer;
  return guardsIn([photo, git], media)(container).map(({ dataset }) => dataset);
}

describe('a container that is held still', () => {
  it.each<[string, string[], string[]]>([
    [
      'of the service needs all of its data, whatever it mounts',
      guards('photo'),
      ['photo', 'photo/database'],
    ],
    [
      'of another one needs its own, and what it writes to',
      guards('media', '/tank/photo/posters'),
      ['tank/media', 'tank/films', 'photo'],
    ],
    ['of none needs what it writes to', guards(null, '/tank/git/hooks'), ['git']],
    [
      'that mounts all of a pool needs all that is in it',
      guards(null, '/tank'),
      ['photo', 'photo/database', 'git'],
    ],
    ['with no data in it needs nothing', guards(null, '/var/lib'), []],
  ])('%s', (_what, found, expected) => expect(found).toEqual(expected));
});
