import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeArchive } from '../../reconciler/state/archives.ts';
import { readBackups } from '../../reconciler/state/backups.ts';
import { repositoryLock, takeLock } from '../../reconciler/state/lock.ts';
import { beginProof, endProof } from '../../reconciler/state/runs.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { type Lab, labYaml, leaveFromAhead, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

let lab: Lab;
/** Newest first. */
let names: string[];

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
const location = '/backup/datapool_services_blog';
const command = (...args: string[]) => steward([...args, ...lab.flags]);

function known(): string[] {
  const store = openStore(lab.stateDir);
  try {
    return (readBackups(store).archives.get(location) ?? []).map(({ name }) => name);
  } finally {
    store.close();
  }
}

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await command('reconcile', '--once');
  // Archives are named after the second.
  for (let count = 1; count <= 3; count += 1) {
    const before = known()[0];
    do await command('backup', 'run', 'blog');
    while (known()[0] === before);
  }
  names = known();
});
afterAll(() => lab.remove());

describe('archives', () => {
  it('are listed newest first, with where that is known from', async () => {
    const { code, stdout } = await command('archives', 'blog');
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3).map((line) => line.split(' ')[0])).toEqual(names);
    expect(lines[0]).toMatch(/(ago|now) {2,}1 file {2}1\.00 MB$/);
    expect(lines[4]).toMatch(
      /^3 archives, as \/backup\/datapool_services_blog said .*, and as Steward has made and deleted since\.$/,
    );
    expect(code).toBe(0);
  });

  it('are read again where that is wanted: what is gone there is not shown', async () => {
    const store = openStore(lab.stateDir);
    const ghost = { name: 'blog-2020-01-01T00:00:00Z', id: 'ghost', atMs: 1, clean: true, byHand: null };
    writeArchive(store, location, { ...ghost, files: 1, originalBytes: 1 });
    store.close();
    expect((await command('archives', 'blog')).stdout).toContain('blog-2020');
    expect((await command('archives', 'blog', '--refresh')).stdout).not.toContain('blog-2020');
    expect((await command('archives', 'blog')).stdout).not.toContain('blog-2020');
  });

  it('are not read while somebody else is at work on the repository, and who that is is told', async () => {
    const holder = { command: 'backup run', sinceMs: Date.now() };
    const lock = takeLock(lab.stateDir, holder, 0, repositoryLock(location));
    try {
      expectRefusal(await command('archives', 'blog', '--refresh'), /backup run .* is at work on \/backup/);
    } finally {
      if (lock.ok) lock.lock.release();
    }
  });

  it.each([
    ['archives', ['archives', 'blog', '--refresh']],
    ['extract', ['extract', 'blog', 'latest', '--to', '/tmp/nothing-comes-here']],
    ['restore', ['restore', 'blog', '--yes']],
  ])('while their repository is checked for days, %s says so and what to do', async (_name, args) => {
    const lockName = repositoryLock(location);
    const lock = takeLock(lab.stateDir, { command: 'reconcile', sinceMs: Date.now() }, 0, lockName);
    const store = openStore(lab.stateDir);
    const proof = { lockName, service: 'blog', what: 'verify-data' as const, sinceMs: Date.now() };
    beginProof(store, proof);
    const { code, stderr } = await command(...args);
    endProof(store, proof);
    store.close();
    if (lock.ok) lock.lock.release();
    expect(stderr).toMatch(
      /steward reconcile \(pid \d+\) is at work on .*: check of all data under way since /,
    );
    expect(stderr).toContain('or cut it off with systemctl stop steward');
    expect(code).toBe(1);
  });

  it('are told to programs', async () => {
    const { stdout } = await command('archives', 'blog', '--output', 'json');
    const told = JSON.parse(stdout) as { own: { name: string }[] };
    expect(told).toMatchObject({ service: 'blog', location, foreign: [], proven: null });
    expect(told.own.map(({ name }) => name)).toEqual(names);
  });
});

describe.each<[string, string[], RegExp]>([
  ['a service without a backup', ['archives', 'blok'], /there is no backup of blok; did you mean blog\?/],
  ['an archive that is not there', ['delete-archive', 'blog', 'blog-1999'], /there is no archive blog-1999/],
  ['a beginning of several', ['delete-archive', 'blog', 'blog-2'], /is the beginning of .* and of others/],
  ['the newest', ['delete-archive', 'blog', 'latest'], /is the newest archive of blog; --force/],
  [
    'a folder in the data of a service',
    ['extract', 'blog', 'latest', '--to', '/datapool/services/wiki/here'],
    /is in the data of wiki \(\/datapool\/services\/wiki\)/,
  ],
  [
    'a mount over the data of a service',
    ['mount', 'blog', 'latest', '/datapool/services/blog/data'],
    /is in the data of blog \(\/datapool\/services\/blog\)/,
  ],
  ['files of the simulated host', ['browse', 'blog', 'latest'], /simulated host have no files to look at/],
  ['a mount that is none', ['umount', '/'], /no archive is mounted at \//],
])('%s', (_name, args, words) => {
  it('is refused in a sentence', async () => {
    expectRefusal(args[0] === 'umount' ? await steward(args) : await command(...args), words);
    expect(known()).toEqual(names);
  });
});

it('a link into the data of a service is seen through', async () => {
  const link = path.join(lab.stateDir, 'link');
  symlinkSync('/datapool/services/wiki', link);
  expectRefusal(
    await command('extract', 'blog', 'latest', '--to', path.join(link, 'new')),
    /^steward: \/datapool\/services\/wiki\/new is in the data of wiki/,
  );
});

describe('delete-archive', () => {
  it('wants the whole name again where nobody can be asked', async () => {
    const oldest = names.at(-1) ?? '';
    expectRefusal(await command('delete-archive', 'blog', oldest), `--confirm ${oldest} says that it may`);
    const wrong = await command('delete-archive', 'blog', oldest, '--confirm', names[0] ?? '');
    expectRefusal(wrong, `is not ${oldest}; nothing was done`);
    expect(known()).toEqual(names);
  });

  it('deletes that one, and no other', async () => {
    const oldest = names.at(-1) ?? '';
    const { code, stderr } = await command('delete-archive', 'blog', oldest, '--confirm', oldest);
    expect(stderr).toMatch(/✓ blog {2}deleted in/);
    expect(code).toBe(0);
    expect((await command('archives', 'blog', '--refresh')).stdout).toMatch(/^2 archives/m);
    expect(known()).toEqual(names.slice(0, 2));
    const { stdout } = await steward(['why', 'backup:blog/delete-archive', ...lab.kept]);
    expect(stdout).toContain('asked for by hand');
  });
});

describe('beside what a clock that was ahead has left', () => {
  const ahead = 'blog-2036-01-01T00:00:00Z';

  beforeAll(() => leaveFromAhead(lab, names[0] ?? '', ahead));

  it('that is listed last, with what is wrong with it', async () => {
    const { stdout } = await command('archives', 'blog', '--refresh');
    const lines = stdout.split('\n').slice(0, 3);
    expect(lines.map((line) => line.split(' ')[0])).toEqual([names[0], names[1], ahead]);
    expect(lines[2]).toMatch(/ in \d+ days .*dated later than now$/);
  });

  it('the newest of today is protected', async () => {
    const newest = names[0] ?? '';
    const refusal = `${newest} is the newest archive of blog; --force`;
    expectRefusal(await command('delete-archive', 'blog', newest, '--confirm', newest), refusal);
    expect(known()).toContain(newest);
  });

  it('it can be deleted itself', async () => {
    const { code } = await command('delete-archive', 'blog', ahead, '--confirm', ahead);
    expect(code).toBe(0);
    expect(known()).toEqual(names.slice(0, 2));
  });
});
