import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryLock, takeLock } from '../../reconciler/state/lock.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

let lab: Lab;

function host() {
  const resolveStack = async () => [];
  return simulatedHost({ file: join(lab.stateDir, 'simulated-host'), now: Date.now, resolveStack });
}

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words }, concurrency: 2 }\n`;

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
});
afterAll(() => lab.remove());

describe('backup run', () => {
  it('says each step and the end, on standard error', async () => {
    const { code, stdout, stderr } = await steward(['backup', 'run', 'blog', ...lab.flags]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr.replace(/\d+ ms/g, 'N ms')).toBe(
      [
        'blog: stopping its containers',
        'blog: taking the snapshot',
        'blog: starting its containers',
        'blog: archiving',
        'blog: clearing the snapshot away',
        '✓ blog  backed up in N ms, down N ms',
        '',
      ].join('\n'),
    );
  });

  it('is in the status at once', async () => {
    const { stdout } = await steward(['status', '--output', 'json', '--state-dir', lab.stateDir]);
    const { backups } = JSON.parse(stdout) as { backups: { service: string; lastArchive: unknown }[] };
    expect(backups).toMatchObject([
      { service: 'blog', lastArchive: { name: expect.stringMatching(/^blog-/) } },
      { service: 'wiki', lastArchive: null },
    ]);
  });

  it('gives programs one JSON value a line', async () => {
    const args = ['backup', 'run', '--all', '--output', 'json', ...lab.flags];
    const { code, stdout } = await steward(args);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; id: string });
    expect(code).toBe(0);
    const finished = events.filter(({ event }) => event === 'finished');
    expect(finished.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      expect.objectContaining({ id: 'backup:blog', result: 'applied', error: null }),
      expect.objectContaining({ id: 'backup:wiki', result: 'applied', error: null }),
    ]);
  });

  it('of all at one instant is one change', async () => {
    const { code, stderr } = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^together: stopping its containers\n(.*\n)*✓ together {2}backed up/);
    expect(stderr).toMatch(/✓ blog {2}backed up\n {4}✓ wiki {2}backed up\n$/);
  });

  it('of all at one instant names who has no archive, and counts the others as done', async () => {
    const location = '/backup/datapool_services_blog';
    const { state } = host();
    const set = (id: string) => {
      state.store.refresh();
      state.repositories.set(location, { location, encryption: 'repokey-blake2', id });
      state.store.commit();
    };
    const id = state.repositories.get(location)?.id ?? '';
    set('another');
    const { code, stderr } = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    set(id);
    expect(code).toBe(1);
    expect(stderr.replace(/\d+ m?s/g, 'N ms')).toContain(
      [
        '✗ together  failed in N ms, down N ms',
        `    ✗ blog  the repository at ${location} is not the one that was there before`,
        '    ✓ wiki  backed up',
        '',
      ].join('\n'),
    );
    const { stdout } = await steward(['backup', 'history', '--state-dir', lab.stateDir]);
    const [blog, error, wiki] = stdout.trim().split('\n').slice(-5);
    expect([blog, error, wiki].join('\n')).toMatch(
      / blog +failed .*\n +the repository at .*\n.* wiki +done /,
    );
  });

  it('of all at one instant stops nobody whose repository is in doubt and does not open', async () => {
    const location = '/backup/datapool_services_blog';
    const { state } = host();
    state.store.refresh();
    const repository = state.repositories.get(location);
    if (repository === undefined) throw new Error('there is no repository');
    const set = (id: string) => {
      state.store.refresh();
      state.repositories.set(location, { ...repository, id });
      state.store.commit();
    };
    // The first run finds out that it is another one: from then on it is in doubt.
    set('another');
    await steward(['backup', 'run', 'blog', ...lab.flags]);
    const { code, stderr } = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    set(repository.id);
    expect(code).toBe(1);
    expect(stderr).toMatch(/✗ borg-repository datapool\/services\/blog {2}failed/);
    expect(stderr).toMatch(/✓ together {2}backed up/);
    expect(stderr).not.toContain('(blog)');
    expect((await steward(['backup', 'run', '--all', '--together', ...lab.flags])).code).toBe(0);
  });

  it('a repository is known to who wants it forgotten, also where its key was never exported', async () => {
    await steward(['reconcile', '--once', ...lab.flags]);
    const id = 'borg-repository:datapool/services/wiki';
    const { code, stdout, stderr } = await steward(['forget', id, ...lab.kept]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Nothing on the host was touched');
    expect((await steward(['backup', 'run', 'wiki', ...lab.flags])).code).toBe(0);
  });

  it('of all at one instant goes on without the one whose hook before the snapshot fails', async () => {
    const hook = 'backup: { hooks: { before: [{ container: blog, exec: ["false"] }] } }';
    await lab.commit('Dump', { 'services/blog/service.yaml': `version: 1\n${hook}\n` });
    await steward(['reconcile', '--once', ...lab.flags]);
    const args = ['backup', 'run', '--all', '--together', '--output', 'json', ...lab.flags];
    const { code, stdout } = await steward(args);
    await lab.commit('No dump', { 'services/blog/service.yaml': null });
    await steward(['reconcile', '--once', ...lab.flags]);
    const finished = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; id: string; services?: object[] })
      .filter(({ event, id }) => event === 'finished' && id === 'backup:together');
    const why = 'false in container blog ended with 1';
    expect(finished.map(({ services }) => services)).toMatchObject([
      [
        { service: 'blog', result: 'failed', error: why },
        { service: 'wiki', result: 'skipped', error: `nothing was stopped for it: blog: ${why}` },
      ],
      [{ service: 'wiki', result: 'applied', error: null }],
    ]);
    expect(code).toBe(1);
  });

  it('of all at one instant is not done where one is blocked', async () => {
    const { drift } = host();
    drift({ drift: 'unmountDataset', dataset: 'datapool/services/blog' });
    const { code, stderr } = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    await steward(['reconcile', '--once', ...lab.flags]);
    expect(stderr).toContain('✓ together  backed up');
    expect(stderr).toMatch(/✗ blog {2}not backed up\n.*is not mounted/);
    expect(code).toBe(1);
  });

  it('says who is at work where another one has the repository', async () => {
    const location = '/backup/datapool_services_blog';
    const self = { command: 'backup run', sinceMs: 0 };
    const held = takeLock(lab.stateDir, self, 0, repositoryLock(location));
    const { code, stderr } = await steward(['backup', 'run', 'blog', ...lab.flags]);
    if (held.ok) held.lock.release();
    expect(stderr).toMatch(
      /^✗ blog {2}skipped .*\n {4}steward backup run \(pid \d+\) is at work on its repository\n$/,
    );
    expect(code).toBe(1);
  });

  it('of all at one instant goes on without the one whose repository another one has', async () => {
    const lockName = repositoryLock('/backup/datapool_services_blog');
    const held = takeLock(lab.stateDir, { command: 'browse', sinceMs: 0 }, 0, lockName);
    const { code, stderr } = await steward(['backup', 'run', '--all', '--together', ...lab.flags]);
    if (held.ok) held.lock.release();
    expect(stderr).toMatch(/ ✗ blog {2}steward browse \(pid \d+\) is at work on its repository\n/);
    expect(stderr).toMatch(/ ✗ wiki {2}nothing was stopped for it: blog: .*\n(.*\n)*✓ together {2}backed up/);
    expect(code).toBe(1);
  });

  it('refuses what it does not know, with the nearest name', async () => {
    expectRefusal(
      await steward(['backup', 'run', 'blok', ...lab.flags]),
      'there is no backup of blok; did you mean blog?',
    );
    expectRefusal(await steward(['backup', 'run', ...lab.flags]), 'name a service, or give --all');
    for (const what of ['run', 'check', 'drill'])
      expectRefusal(
        await steward(['backup', what, 'blog', '--all', ...lab.flags]),
        'give --all, or name services: not both; nothing was done',
      );
  });
});

describe('backup check and backup drill', () => {
  it('say each step and the end', async () => {
    const { code, stdout, stderr } = await steward(['backup', 'check', 'blog', ...lab.flags]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr.replace(/\d+ ms/g, 'N ms')).toBe(
      'blog: checking the repository\n✓ blog  checked in N ms\n',
    );
    const all = await steward([
      'backup',
      'check',
      '--all',
      '--verify-data',
      '--output',
      'json',
      ...lab.flags,
    ]);
    expect(all.code).toBe(0);
    expect(
      all.stdout.match(/"event":"finished","id":"borg-repository:\S*?","result":"applied"/g),
    ).toHaveLength(2);
  });

  it('say why nothing can be restored for proof', async () => {
    const { code, stderr } = await steward(['backup', 'drill', 'blog', ...lab.flags]);
    expect(stderr).toMatch(/^✗ blog {2}not restored for proof\n {4}no drill is declared for it/);
    expect(code).toBe(1);
    expectRefusal(await steward(['backup', 'drill', ...lab.flags]), 'name a service, or give --all');
  });
});

describe('backup history', () => {
  it('of a service that nobody knows is no empty history', async () => {
    expectRefusal(
      await steward(['backup', 'history', 'blok', '--state-dir', lab.stateDir]),
      'nothing is known of a backup of blok; did you mean blog?',
    );
  });

  it('has a line a backup', async () => {
    const { code, stdout } = await steward(['backup', 'history', 'blog', '--state-dir', lab.stateDir]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/blog {2}done {4}check · \d+ ms\n.*blog {2}done {4}check of all data · \d+ ms\n/);
    expect(stdout).toMatch(
      /^(just now|\d+ (s|min) ago) +blog {2}done {4}\d+ ms · down \d+ ms · \d+ files?, .* new · .* blog-\d{4}-.*Z\n/,
    );
    expect(stdout).toMatch(/\n6 backups, 2 without an archive · 2 proofs\n$/);
  });

  it('of nothing says so', async () => {
    const { stdout } = await steward(['backup', 'history', '--state-dir', join(lab.stateDir, 'fresh')]);
    expect(stdout).toBe('No backup was begun yet.\n');
  });
});

it('why tells of a backup as of every other change', async () => {
  const { stdout } = await steward(['why', 'backup:blog', '--state-dir', lab.stateDir]);
  expect(stdout).toMatch(/run {2}applied/);
  expect(stdout).toContain('asked for by hand');
});
