import { expect, it } from 'vitest';
import { changedPaths, rollBack } from '../../reconciler/apply/rollback.ts';
import { allFiles, inMounts, placesOf } from '../../reconciler/apply/rollback-argv.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import type { RollbackStep } from '../../reconciler/snapshots/rollback.ts';
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

const safety: RollbackStep = {
  op: 'snapshot-by-hand',
  datasets: [{ name: 'pool/photo', guid: '42' }],
  tag: 'safe',
};
const guard = { dataset: 'pool/photo', mountpoint: '/nowhere/photo' };
const restore: RollbackStep = {
  ...{ op: 'files-restore', service: 'photo', snapshot: 'pool/photo@a', safety: 'pool/photo@safe', guard },
};

it('the service is quiesced around everything, and without the safety snapshot nothing is copied', async () => {
  const events: string[] = [];
  const zfs = fakeTool('echo "$*" >> "$LOG"; echo "out of space" >&2; exit 1');
  const quiesced = async (service: string, action: () => Promise<void>) => {
    events.push(`stop ${service}`);
    await action().finally(() => events.push(`start ${service}`));
  };
  const options = { commands: { zfs: zfs.command }, timeoutMs: 5_000 };
  await expect(rollBack('photo', [safety, restore], quiesced, options)).rejects.toThrow(
    'zfs snapshot failed: out of space',
  );
  expect(zfs.calls()).toEqual(['snapshot -o steward:snapshot=42 pool/photo@safe']);
  expect(events).toEqual(['stop photo', 'start photo']);
});

it('nothing is written where the dataset is not mounted', async () => {
  const zfs = fakeTool('echo "$*" >> "$LOG"');
  const options = { commands: { zfs: zfs.command }, timeoutMs: 5_000 };
  const run = rollBack('photo', [restore], (_service, action) => action(), options);
  await expect(run).rejects.toThrow(StepError);
  await expect(run).rejects.toThrow('pool/photo is not mounted at /nowhere/photo; nothing was written');
  expect(zfs.calls()).toEqual([]);
});
