import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type InventoryEntry, writeEntries } from '../../reconciler/state/inventory.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { writeUndo } from '../../reconciler/state/undo.ts';
import type { Step } from '../../reconciler/types.ts';
import { datasetText, type Snapshot } from '../snapshots/zfs-text.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { expectRefusal, steward } from './steward.ts';

/** A host of two services whose zfs is a script that prints what a test has put there, and notes what it is told. */
const root = mkdtempSync(path.join(tmpdir(), 'steward-snapshot-'));
afterAll(() => rmSync(root, { recursive: true }));

const photo = 'datapool/services/photo';
const wiki = 'datapool/services/wiki';
const own: Snapshot = { tag: 'before-upgrade', marks: [['steward:snapshot', '42,43', 'local']] };

function entry(name: string, service: string, guid: string): InventoryEntry {
  const commits = { ownedSince: 'c', appliedCommit: 'c', orphanedSince: null };
  return { id: `zfs-dataset:${name}`, kind: 'zfs-dataset', name, service, data: { guid }, ...commits };
}

function lab(snapshots: Snapshot[] = []) {
  const stateDir = mkdtempSync(path.join(root, 'state-'));
  const store = openStore(stateDir);
  writeEntries(
    store,
    [entry(photo, 'photo', '42'), entry(`${photo}/db`, 'photo', '43'), entry(wiki, 'wiki', '44')],
    [],
  );
  store.close();
  const zfs = fakeTool(
    'gone=$(cat "$STATE/gone"); case "$*" in *written@*) echo 2048 ;; *"$gone"*) echo "cannot open \'$gone\': dataset does not exist" >&2; exit 1 ;; get*) cat "$STATE/datasets" ;; *) echo "$*" >> "$LOG" ;; esac',
  );
  const text = datasetText(photo, '42', snapshots) + datasetText(`${photo}/db`, '43', snapshots);
  writeFileSync(path.join(zfs.folder, 'datasets'), text + datasetText(wiki, '44', []));
  symlinkSync(zfs.command, path.join(zfs.folder, 'zfs'));
  const env = { PATH: `${zfs.folder}:${process.env.PATH}` };
  const run = (...args: string[]) => steward(['snapshot', ...args, '--state-dir', stateDir], { env });
  const lose = (dataset: string) => writeFileSync(path.join(zfs.folder, 'gone'), dataset);
  lose('nothing/at/all');
  return { run, calls: zfs.calls, lose, stateDir };
}

/** As a restore has it in the journal while it writes: back to its own snapshot if it does not end well. */
function restoring(stateDir: string, service: string): void {
  const store = openStore(stateDir);
  const step: Step = { op: 'zfs-rollback', run: '7', snapshots: [`datapool/services/${service}@safety`] };
  const entry = { atMs: 1, lockName: 'restore', changeId: `backup:${service}/restore`, run: '7' };
  writeUndo(store, [{ ...entry, position: -1, step }]);
  store.close();
}

it('create takes all datasets of a service in one call and says so', async () => {
  const { run, calls } = lab();
  expect(await run('create', 'photo', 'before-upgrade')).toEqual({
    code: 0,
    stderr: '',
    stdout: `✓ ${photo}@before-upgrade\n✓ ${photo}/db@before-upgrade\n\n2 snapshots taken, all at one instant.\n`,
  });
  expect(calls()).toEqual([
    `snapshot -o steward:snapshot=42,43 ${photo}@before-upgrade ${photo}/db@before-upgrade`,
  ]);
});

it('create --all takes all services in one call', async () => {
  const { run, calls } = lab();
  expect(await run('create', '--all', 'friday')).toMatchObject({ code: 0, stderr: '' });
  expect(calls()).toEqual([
    `snapshot -o steward:snapshot=42,43,44 ${photo}@friday ${photo}/db@friday ${wiki}@friday`,
  ]);
});

describe('while the data of a service is being restored', () => {
  const why = 'photo: its data is being restored; it is left alone until that is over';

  it('no snapshot of it is taken: the way back would have to destroy it', async () => {
    const { run, calls, stateDir } = lab();
    restoring(stateDir, 'photo');
    expectRefusal(await run('create', 'photo', 'friday'), `${why}; nothing was done`);
    expect(calls()).toEqual([]);
  });

  it('create --all takes the others, says so, and has not done all', async () => {
    const { run, calls, stateDir } = lab();
    restoring(stateDir, 'photo');
    expect(await run('create', '--all', 'friday')).toEqual({
      code: 1,
      stderr: `left out: ${why}\n`,
      stdout: `✓ ${wiki}@friday\n\n1 snapshot taken.\n`,
    });
    expect(calls()).toEqual([`snapshot -o steward:snapshot=44 ${wiki}@friday`]);
  });

  it('create --all with no other service is refused', async () => {
    const { run, calls, stateDir } = lab();
    for (const service of ['photo', 'wiki']) restoring(stateDir, service);
    expectRefusal(
      await run('create', '--all', 'friday'),
      /photo: its data.*; wiki: its data .*; nothing was done/,
    );
    expect(calls()).toEqual([]);
  });
});

it.each<[string, Snapshot[], string[], RegExp]>([
  ['an unknown service', [], ['create', 'phto', 'a'], /no service phto has a dataset; did you mean photo\?/],
  [
    'a tag of backups',
    [],
    ['create', 'photo', 'steward-a'],
    /tags that begin with steward- are those of backups/,
  ],
  ['a tag that ZFS would read otherwise', [], ['create', 'photo', 'a@b'], /cannot be a tag/],
  ['a name beside --all', [], ['create', '--all', 'photo', 'a'], /either .*NAME TAG, or .*--all TAG/],
  ['no tag', [], ['create', 'photo'], /either .*NAME TAG, or .*--all TAG/],
  ['a tag that is there', [own], ['create', 'photo', own.tag], /is there already, taken/],
  [
    'another one’s snapshot',
    [{ tag: 'auto' }],
    ['destroy', 'photo', 'auto', '--yes'],
    /was not taken by steward/,
  ],
  [
    'an unknown tag',
    [own],
    ['destroy', 'photo', 'before', '--yes'],
    /has no snapshot before; did you mean before-up/,
  ],
  ['a yes that was not given', [own], ['destroy', 'photo', own.tag], /--yes says that it may be destroyed/],
  ['a rollback without a word', [own], ['rollback', 'photo', own.tag], /--confirm photo@before-upgrade says/],
  [
    'the wrong word',
    [own],
    ['rollback', 'photo', own.tag, '--confirm', 'yes'],
    /--confirm yes is not photo@before/,
  ],
])('%s is refused, and nothing is done', async (_name, snapshots, args, words) => {
  const { run, calls } = lab(snapshots);
  expectRefusal(await run(...args), words);
  expect(calls()).toEqual([]);
});

it('list is a table of every snapshot and whose it is', async () => {
  const { run } = lab([own, { tag: 'autosnap_daily', txg: 200, created: 1790003700 }]);
  const { code, stdout, stderr } = await run('list');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^service {2}tag +created +used +referenced {2}taken\n/);
  expect(stdout).toMatch(
    /^photo {4}before-upgrade {2}.* ago +2026-09-21 \d\d:\d\d:\d\d UTC {2}2\.0 KiB {2}192 KiB +by hand$/m,
  );
  expect(stdout).toMatch(/^photo {4}autosnap_daily .* not by Steward$/m);
  expect(stdout).toMatch(/\n\n2 snapshots\n$/);
});

it('list shows the others when a dataset is gone, and says which', async () => {
  const { run, lose } = lab([own]);
  lose(wiki);
  const { code, stdout, stderr } = await run('list');
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `${wiki} is gone; steward forget zfs-dataset:${wiki}\n`,
  });
  expect(stdout).toContain('before-upgrade');
  expectRefusal(
    await run('create', '--all', 'friday'),
    `cannot open '${wiki}': dataset does not exist; nothing`,
  );
});

it('list --output json has the same as data', async () => {
  const { run } = lab([own]);
  const { stdout } = await run('list', 'photo', '--output', 'json');
  expect(JSON.parse(stdout)).toEqual([
    {
      ...{ service: 'photo', tag: 'before-upgrade', created: new Date(1790000100_000).toISOString() },
      ...{ usedBytes: 2048, referencedBytes: 196_608, whose: 'by-hand', datasets: { tagged: 2, all: 2 } },
    },
  ]);
});

it('destroy removes ours one by one, never with what hangs on them', async () => {
  const { run, calls } = lab([own]);
  const { code, stdout } = await run('destroy', 'photo', own.tag, '--yes');
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `✓ ${photo}@before-upgrade destroyed\n✓ ${photo}/db@before-upgrade destroyed\n`,
  });
  expect(calls()).toEqual([`destroy ${photo}@before-upgrade`, `destroy ${photo}/db@before-upgrade`]);
});

it('rollback says what goes out of sight before it asks', async () => {
  const { run } = lab([own, { tag: 'later', txg: 300 }]);
  const { stderr } = await run('rollback', 'photo', own.tag);
  expect(stderr).toContain(`Back to before-upgrade, taken `);
  expect(stderr).toContain(`  ${photo}  2.0 KiB written since, 1 newer snapshot stays`);
});
