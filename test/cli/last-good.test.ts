import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBackups } from '../../reconciler/state/backups.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** The way back is open while a mistake in the newest commit, of whatever service, keeps everything else from being done. */

const backup = 'backup: { repository: /backup, passphrase: { file: /etc/steward/words }, ';
const withBackup = `${labYaml}${backup}retention: { daily: 1 } }\n`;
const location = '/backup/datapool_services_blog';
const mistake = 'services/wiki/service.yaml:1: unknown key "depoy"';
let lab: Lab;
let good = '';
let bad = '';

const command = (...args: string[]) => steward([...args, ...lab.flags]);

function archives(): string[] {
  const store = openStore(lab.stateDir);
  try {
    return (readBackups(store).archives.get(location) ?? []).map(({ name }) => name);
  } finally {
    store.close();
  }
}

beforeAll(async () => {
  lab = await newLab();
  good = await lab.commit('Back up', { 'lab.yaml': withBackup });
  await command('reconcile', '--once');
  await command('backup', 'run', 'blog');
  bad = await lab.commit('Oops', { 'services/wiki/service.yaml': 'depoy: {}\n' });
});
afterAll(() => lab.remove());

const warning = () =>
  `steward: ${bad.slice(0, 7)} "Oops" is not valid (${mistake}); this goes by ${good.slice(0, 7)}, the last good commit\n`;

describe('while the newest commit is bad', () => {
  it.each([
    ['archives', 'blog'],
    ['archives', 'blog', '--refresh'],
    ['backup', 'run', 'blog'],
    ['backup', 'check', 'blog'],
    ['restore', 'blog', '--yes'],
    ['archives', 'blog', '--output', 'json'],
  ])('%s %s %s goes by the last good one, and names the mistake once', async (...args) => {
    const { code, stderr } = await command(...args);
    expect(stderr.split(warning())).toHaveLength(2);
    expect(stderr.startsWith(warning())).toBe(true);
    expect(code).toBe(0);
  });

  it.each<[string[], RegExp]>([
    [['browse', 'blog', 'latest'], /simulated host have no files to look at/],
    [['mount', 'blog', 'latest', '/nowhere/at/all'], /simulated host have no files to look at/],
    [['extract', 'blog', 'latest', '--to', '/datapool/services/wiki/x'], /is in the data of wiki/],
    [['ca'], /lab.yaml names no hub that can be asked/],
  ])('%s does as well, up to what a simulated host has', async (args, words) => {
    const ended = await command(...args);
    expectRefusal(ended, words);
    expect(ended.stderr).toContain(warning());
  });

  it('keys are told of', async () => {
    const { code, stdout, stderr } = await command('keys');
    expect({ code, stderr }).toEqual({ code: 1, stderr: warning() });
    expect(stdout).toContain(location);
  });

  it('nothing is pruned or deleted: how long archives are kept may be what the commit is about', async () => {
    const before = archives();
    const { stderr } = await command('backup', 'run', 'blog');
    expect(stderr).not.toContain('pruning');
    expect(archives().slice(1)).toEqual(before);
    const oldest = before.at(-1) ?? '';
    const refused = await command('delete-archive', 'blog', oldest, '--confirm', oldest);
    expectRefusal(refused, /is not valid: nothing is deleted until it is; steward plan says more/);
    expect(archives()).toContain(oldest);
  });

  it('the cycles go on doing nothing, and say why', async () => {
    const { code, stdout } = await command('reconcile', '--once');
    expect(code).toBe(1);
    expect(stdout).toContain(`Nothing was changed: ${bad.slice(0, 7)} "Oops" is not valid.`);
  });
});

it('of several mistakes the first is named, and how many more there are', async () => {
  bad = await lab.commit('Oops', { 'services/wiki/service.yaml': 'depoy: {}\nbackop: {}\n' });
  const { stderr } = await command('archives', 'blog');
  expect(stderr).toContain(`${mistake}, and 1 more; steward plan names it); this goes by`);
});

it('where no commit was good yet, the mistakes are told and nothing is done', async () => {
  const other = await newLab();
  try {
    await other.commit('Oops', { 'lab.yaml': withBackup.replace('name:', 'nmae:') });
    const refused = await steward(['archives', 'blog', ...other.flags]);
    expectRefusal(refused, /the newest commit is not valid, so that its backups are not known/);
    const { code, stdout } = await steward(['backup', 'run', 'blog', ...other.flags]);
    expect(code).toBe(1);
    expect(stdout).toContain('lab.yaml:2:1: error: unknown key "nmae"');
  } finally {
    other.remove();
  }
});
