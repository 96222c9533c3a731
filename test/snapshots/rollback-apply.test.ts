import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { changedPaths } from '../../reconciler/apply/rollback.ts';
import { allFiles, inMounts, placesOf } from '../../reconciler/apply/rollback-argv.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import type { Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

const places = placesOf('/run/steward', 'photo');

it('the files that zfs diff names are those that are there now, byte by byte', () => {
  const diff = [
    'M\t/\t/data/photo/',
    'M\tF\t/data/photo/same\\0040time',
    '-\tF\t/data/photo/gone',
    '+\tF\t/data/photo/\\0303\\0244',
    'R\tF\t/data/photo/old\t/data/photo/new',
    'M\tF\t/data/photo/db/hidden',
    'M\tF\t/data/photos/other',
    '+\t@\t/data/photo/link',
    '',
  ].join('\n');
  const paths = changedPaths(diff, '/data/photo', ['db']).toString('utf8');
  expect(paths.split('\0')).toEqual(['same time', 'ä', 'new', '']);
});

it('what is mounted below a dataset is neither copied nor deleted, whatever it is called', () => {
  const excludes = allFiles(places, ['db', 'a*b\\c', 'back\\slash']).filter((arg) =>
    arg.startsWith('--exclude'),
  );
  expect(excludes).toEqual(['--exclude=/db', '--exclude=/a\\*b\\\\c', '--exclude=/back\\slash']);
});

it('mounts are in a namespace of their own, and no path is part of the script', () => {
  const argv = inMounts('a@b', '/data/x; rm -rf "$HOME"', places, ['true']);
  expect(argv.slice(0, 7)).toEqual(['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', 'sh', '-c']);
  expect(argv[7]).not.toContain('data');
  expect(argv).toContain('/data/x; rm -rf "$HOME"');
});

const guard = { dataset: 'pool/photo', mountpoint: '/nowhere/photo' };
const step: Step = {
  ...{ op: 'files-restore', service: 'photo', snapshot: 'pool/photo@a', safety: 'pool/photo@safe', guard },
};

it('nothing is written where the dataset is not mounted', async () => {
  const zfs = fakeTool('echo "$*" >> "$LOG"');
  const run = hostExecutor({ commands: { zfs: zfs.command } }).execute(step, {});
  await expect(run).rejects.toThrow(StepError);
  await expect(run).rejects.toThrow('pool/photo is not mounted at /nowhere/photo; nothing was written');
  expect(zfs.calls()).toEqual([]);
});
