import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { restore as restoreHere } from '../../cli/commands/restore.ts';
import * as confirm from '../../cli/confirm.ts';
import { readBackups } from '../../reconciler/state/backups.ts';
import { repositoryLock, takeLock } from '../../reconciler/state/lock.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { type Lab, labYaml, leaveFromAhead, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

vi.mock('../../cli/confirm.ts', { spy: true });

let lab: Lab;
let archive: string;

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
const restore = (...args: string[]) => steward(['restore', ...args, ...lab.flags]);

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
  await steward(['backup', 'run', 'blog', ...lab.flags]);
  const store = openStore(lab.stateDir);
  archive = [...readBackups(store).archives.values()].flat()[0]?.name ?? '';
  store.close();
});
afterAll(() => lab.remove());

describe('restore', () => {
  it('says each step and the end', async () => {
    const { code, stdout, stderr } = await restore('blog', '--yes');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr.replace(/\d+(\.\d+)? m?s/g, 'N ms')).toBe(
      [
        'blog: looking for the archive',
        'blog: stopping its containers',
        'blog: taking the snapshot',
        'blog: restoring',
        'blog: starting its containers',
        `✓ blog  restored from ${archive} in N ms, down N ms`,
        '    what was there before is kept: steward restore blog --undo',
        '',
      ].join('\n'),
    );
  });

  it('is in the history of its service', async () => {
    const { stdout } = await steward(['why', 'backup:blog/restore', '--state-dir', lab.stateDir]);
    expect(stdout).toContain('asked for by hand: everything');
  });

  it('is found by the name of its service too, each entry under its own id', async () => {
    const { stdout } = await steward(['why', 'blog', '--state-dir', lab.stateDir]);
    expect(stdout).toMatch(/^compose-stack:blog, .*backup:blog, backup:blog\/restore\n/m);
    expect(stdout).toMatch(/ {2}compose-stack:blog +create {2}applied /);
    expect(stdout).toMatch(/ {2}backup:blog\/restore +run {2}applied .*\n.*asked for by hand: everything/);
  });

  it('has a line in the history of backups, with the archive', async () => {
    const history = ['backup', 'history', 'blog', '--state-dir', lab.stateDir];
    const { stdout } = await steward(history);
    expect(stdout).toMatch(
      new RegExp(`blog {2}done {2}restore · [\\d.]+ m?s · ${archive}\\n {4}asked for by hand: everything\\n`),
    );
    expect(stdout).toMatch(/\n1 backup · 1 by hand\n$/);
    const told = JSON.parse((await steward([...history, '--output', 'json'])).stdout) as object[];
    expect(told).toMatchObject([
      { what: 'archive', archive },
      { what: 'restore', result: 'done', archive, notes: ['asked for by hand: everything'] },
    ]);
    expect(JSON.parse((await steward([...history, '--limit', '1', '--output', 'json'])).stdout)).toHaveLength(
      1,
    );
    const other = await steward(['backup', 'history', 'wiki', '--state-dir', lab.stateDir]);
    expect(other.stdout).not.toContain('restore');
  });

  it.each<[string, string[], RegExp]>([
    ['a service without a backup', ['blok', '--yes'], /there is no backup of blok; did you mean blog\?/],
    [
      'an unknown archive',
      ['blog', '--archive', 'blog-2026', '--yes'],
      /no archive blog-2026 of blog; did you mean blog-/,
    ],
    ['a service without an archive', ['wiki', '--yes'], /there is no archive of wiki yet/],
    ['a yes that was not given', ['blog'], /without a terminal, --yes says that it may; nothing was done/],
    [
      'a path outside',
      ['blog', '--path', '../wiki', '--yes'],
      /"..\/wiki" is not below \/datapool\/services\/blog/,
    ],
    ['a path and --undo', ['blog', '--undo', '--path', 'a'], /--undo .* takes no archive and no path/],
    [
      'an undo of nothing',
      ['blog', '--undo', '--yes'],
      /no restore of blog has kept anything to go back to: the simulated host lists no snapshots$/m,
    ],
  ])('refuses %s', async (_name, args, words) => {
    expectRefusal(await restore(...args), words);
  });

  it('takes an archive by its name, and a whole path for a part', async () => {
    const { code, stderr } = await restore(
      'blog',
      '--yes',
      '--archive',
      archive,
      '--path',
      '/datapool/services/blog/data',
    );
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`restored from ${archive} in`),
    });
  });

  it('does nothing while somebody else is at work on the repository', async () => {
    const name = repositoryLock('/backup/datapool_services_blog');
    const taken = takeLock(lab.stateDir, { command: 'backup run', sinceMs: 0 }, 0, name);
    const { code, stderr } = await restore('blog', '--yes');
    if (taken.ok) taken.lock.release();
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/steward backup run .* is at work/),
    });
    expect(stderr).not.toContain('stopping');
  });
});

it('what was agreed to is restored, also where there is a newer archive by then', async () => {
  const newest = () => {
    const store = openStore(lab.stateDir);
    const found = [...readBackups(store).archives.values()].flat()[0]?.name;
    store.close();
    return found;
  };
  const agreed = newest();
  vi.mocked(confirm.canAsk).mockReturnValue(true);
  vi.mocked(confirm.typed).mockImplementation(async () => {
    await steward(['backup', 'run', 'blog', ...lab.flags]);
    return true;
  });
  const flags = {
    repo: lab.remote,
    stateDir: lab.stateDir,
    host: 'simulator' as const,
    output: 'json' as const,
  };
  expect(await restoreHere('blog', flags)).toBe(0);
  expect(newest()).not.toBe(agreed);
  const why = ['why', 'backup:blog/restore', '--output', 'json', '--state-dir', lab.stateDir];
  const history = JSON.parse((await steward(why)).stdout) as object[];
  expect(JSON.stringify(history.at(-1))).toContain(agreed);
});

it('of an archive that another server has made says how its owners move, in its history too', async () => {
  const file = join(lab.stateDir, 'simulated-host');
  const host = readFileSync(file, 'utf8');
  writeFileSync(file, host.replaceAll('id=100000+65536', 'id=300000+65536'));
  const { code, stderr } = await restore('blog', '--yes');
  const moved = 'owners moved from base 300000 to 100000';
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(moved) });
  const { stdout } = await steward(['why', 'backup:blog/restore', '--state-dir', lab.stateDir]);
  expect(stdout).toContain(moved);
});

describe('where a clock that was ahead has left an archive', () => {
  const ahead = 'blog-2036-01-01T00:00:00Z';
  let today: string;

  beforeAll(async () => {
    const store = openStore(lab.stateDir);
    const known = [...readBackups(store).archives.values()].flat();
    today = known.find(({ name }) => name.startsWith('blog-'))?.name ?? '';
    store.close();
    await leaveFromAhead(lab, today, ahead);
    await steward(['archives', 'blog', '--refresh', ...lab.flags]);
  });

  it('the newest is that of today, and named at the end', async () => {
    const { code, stderr } = await restore('blog', '--yes');
    const end = expect.stringContaining(`✓ blog  restored from ${today} in`);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: end });
  });

  it('the other one is there for whoever names it, and named to programs too', async () => {
    const { stdout } = await restore('blog', '--yes', '--archive', ahead, '--output', 'json');
    const end = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as object;
    expect(end).toMatchObject({ event: 'finished', result: 'applied', archive: ahead });
  });
});
