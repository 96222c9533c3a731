import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecoveries, writeRecovery } from '../../reconciler/state/recovery.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { resolveFromDesired } from '../../simulator/services.ts';
import { desired } from '../support/build.ts';
import { type Lab, labYaml, newLab, serviceFiles } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

let lab: Lab;
/** Flags of the server that the lab is recovered on. */
let bare: string[];

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
  await steward(['backup', 'run', '--all', ...lab.flags]);
  bare = flagsOf(bareServer('bare'));
});
afterAll(() => lab.remove());

/** Nothing but the pool, and the repositories with their archives. */
function bareServer(name: string): string {
  const stateDir = join(lab.root, name);
  mkdirSync(stateDir, { recursive: true });
  const [first = '', ...others] = readFileSync(join(lab.stateDir, 'simulated-host'), 'utf8').split('\n');
  const kept = others.filter(Boolean).map((line) => {
    const entries = JSON.parse(line) as [string, string, unknown][];
    return entries.filter(([table]) => ['repositories', 'archives', 'settings'].includes(table));
  });
  const lines = kept.filter((entries) => entries.length > 0).map((entries) => JSON.stringify(entries));
  writeFileSync(join(stateDir, 'simulated-host'), `${[first, ...lines].join('\n')}\n`);
  return stateDir;
}

function flagsOf(stateDir: string): string[] {
  return ['--host', 'simulator', '--repo', lab.remote, '--state-dir', stateDir];
}

const dataOf = (flags: string[]) => readFileSync(join(flags.at(-1) ?? '', 'simulated-host'), 'utf8');

it.each<[string[], RegExp]>([
  [['--confirm', 'blog'], /--confirm blog is only for --keep-what-is-there/],
  [['--keys', '/nowhere'], /--keys \/nowhere: there is no such folder/],
])('%j is refused before anything is done', async (given, words) => {
  expectRefusal(await steward(['recover', ...given, ...flagsOf(bareServer('refused'))]), words);
});

describe('a server with nothing but a pool', () => {
  it('becomes what Git and the archives say, service by service', async () => {
    const { code, stdout, stderr } = await steward(['recover', ...bare]);
    expect(stderr).toMatch(/✓ blog {2}recovered in/);
    expect(stderr).toMatch(/create.*|compose-stack/);
    expect(stdout.replace(/, of .*/g, ', of WHEN')).toMatch(
      /^\n✓ blog {2}blog-\S+Z, of WHEN\n✓ wiki {2}wiki-\S+Z, of WHEN\n\n2 services recovered, with everything else as [0-9a-f]{7} says\.\n$/,
    );
    expect(code).toBe(0);
    expect(dataOf(bare)).toContain('/data/written-by-blog');
  });

  it('has nothing to do afterwards, and nothing to recover', async () => {
    const plan = await steward(['plan', ...bare]);
    expect(plan).toMatchObject({ code: 0 });
    expect(plan.stdout).toContain('Nothing to do');
    const again = await steward(['recover', ...bare]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(
      /· blog {2}left alone: .* holds data already \(.*\); it was recovered from blog-\S+Z at \S+Z\n/,
    );
    expect(again.stdout).toMatch(/\nNothing to recover: [0-9a-f]{7} is in force\.\n$/);
    expect(again.stderr).not.toContain('recovered in');
  });

  it('says as JSON what came from when', async () => {
    const flags = flagsOf(bareServer('json'));
    const { stdout } = await steward(['recover', ...flags, '--output', 'json']);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(report).toMatchObject({ event: 'report', converged: true, alone: {} });
    expect(report.recoveries).toMatchObject([
      { service: 'blog', phase: 'restored' },
      { service: 'wiki', phase: 'restored' },
    ]);
  });
});

describe('a server that was recovered once', () => {
  const host = () => join(bare.at(-1) ?? '', 'simulated-host');
  const tables = (keep: (entry: [string, string, Record<string, unknown>]) => unknown) => {
    const [first = '', ...lines] = readFileSync(host(), 'utf8').split('\n').filter(Boolean);
    const changed = lines.map((line) => (JSON.parse(line) as Parameters<typeof keep>[0][]).flatMap(keep));
    const left = changed.filter((entries) => entries.length > 0).map((entries) => JSON.stringify(entries));
    const before = readFileSync(host(), 'utf8');
    writeFileSync(host(), `${[first, ...left].join('\n')}\n`);
    return before;
  };

  it('gets everything back again when its pool has died later, and its disk with the state has not', async () => {
    tables((entry) => (['repositories', 'archives', 'settings'].includes(entry[0]) ? [entry] : []));
    expect(dataOf(bare)).not.toContain('["datasets","datapool/services/blog"');
    expect((await steward(['plan', ...bare])).stdout.replace(/\s+/g, ' ')).toContain(
      'run `steward recover` to have its data brought back from its archives',
    );
    const { code, stdout, stderr } = await steward(['recover', ...bare]);
    expect(stderr).toMatch(/✓ blog {2}recovered in/);
    expect(stdout).toMatch(/\n2 services recovered, with everything else as [0-9a-f]{7} says\.\n$/);
    expect(code).toBe(0);
    expect(dataOf(bare)).toContain('/data/written-by-blog');
  });

  it('puts nothing where containers run, although not one file is there', async () => {
    const all = tables((entry) => (entry[0] === 'paths' && entry[1].includes('written-by') ? [] : [entry]));
    const { code, stdout, stderr } = await steward(['recover', ...bare]);
    expect(stdout).toMatch(/· blog {2}left alone: nothing is put where containers run \(blog\); .*; it was/);
    expect(stderr).not.toContain('restoring');
    expect(code).toBe(0);
    writeFileSync(host(), all);
  });

  it('leaves alone what was only not mounted, and starts it again', async () => {
    const lost: Record<string, Record<string, unknown>> = {
      datasets: { mountedAt: null },
      containers: { stopped: 0 },
    };
    tables(([table, key, row]) => {
      const isBlogs = key.endsWith('/blog') || row?.name === 'blog';
      return [[table, key, isBlogs && lost[table] ? { ...row, ...lost[table] } : row]];
    });
    const { code, stdout } = await steward(['recover', ...bare]);
    expect(stdout).toMatch(/· blog {2}left alone: datapool\/services\/blog holds data already/);
    expect(code).toBe(0);
    const { stdout: status } = await steward(['status', '--state-dir', bare.at(-1) ?? '']);
    expect(status).toContain('blog  in-sync');
    expect((await steward(['plan', ...bare])).stdout).toContain('Nothing to do');
  });
});

it('names the numbers that owners had on the old server where they are others', async () => {
  const flags = flagsOf(bareServer('other-base'));
  const file = join(flags.at(-1) ?? '', 'simulated-host');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('id=100000+65536', 'id=300000+65536'));
  const { code, stdout } = await steward(['recover', ...flags]);
  expect(stdout.replace(/, of .*?;/g, ', of WHEN;')).toMatch(
    /✓ blog {2}blog-\S+Z, of WHEN; owners moved from base 300000 to 100000\n/,
  );
  expect(code).toBe(0);
});

it('leaves services alone that hold data', async () => {
  const { code, stdout } = await steward(['recover', ...lab.flags]);
  expect(stdout).toMatch(
    /· blog {2}left alone: datapool\/services\/blog holds data already \(.*\/data\/written-by-blog\)/,
  );
  expect(code).toBe(0);
});

describe('a service without an archive', () => {
  let flags: string[];

  beforeAll(async () => {
    flags = flagsOf(bareServer('without'));
    await lab.commit('One more', serviceFiles('new'));
  });

  it('is not started, also not by a later cycle, and the others are back', async () => {
    const { code, stdout } = await steward(['recover', ...flags]);
    expect(stdout).toMatch(/✗ new {3}not recovered yet: there is no Borg repository/);
    expect(stdout).toContain('1 service of 3 not recovered; steward recover goes on where it stopped.');
    expect(code).toBe(1);
    const cycle = await steward(['reconcile', '--once', ...flags]);
    expect(cycle.stdout).toContain('still to be recovered from its backup');
    expect(cycle.code).toBe(1);
  });

  it('starts with nothing once somebody says so', async () => {
    const { code, stdout } = await steward(['recover', ...flags, '--start-empty', 'new']);
    expect(stdout).toMatch(/· new {3}starts with what is there/);
    expect(code).toBe(0);
    expect(dataOf(flags)).toContain('"new"');
  });

  it('is named where it is none that waits', async () => {
    const { code, stderr } = await steward(['recover', ...flags, '--start-empty', 'nwe']);
    expect(stderr).toContain('nwe is not being recovered');
    expect(code).toBe(1);
  });
});

describe('a service with a part of an archive that nobody can read any more', () => {
  let flags: string[];
  let stateDir: string;
  const half = '/datapool/services/new/half';
  const started = () => dataOf(flags).includes('written-by-new');

  /** As a recovery leaves it that was cut off in the middle of an extraction. */
  function restoring(): void {
    const store = openStore(stateDir);
    const [found] = readRecoveries(store).filter(({ service }) => service === 'new');
    if (found === undefined) throw new Error('no recovery of new');
    writeRecovery(store, { ...found, phase: 'restoring', archive: 'new-2026-11-23T02:30:00Z' });
    store.close();
  }

  function host() {
    const resolveStack = resolveFromDesired(() => desired([]));
    return simulatedHost({ file: join(stateDir, 'simulated-host'), now: Date.now, resolveStack });
  }

  async function server(name: string): Promise<void> {
    stateDir = bareServer(name);
    flags = flagsOf(stateDir);
    await steward(['recover', ...flags]);
    restoring();
  }

  beforeAll(async () => {
    await server('lost');
    host().writeData(half);
  });

  it('is told what happens to what is there, and what can be done', async () => {
    const { code, stdout } = await steward(['recover', ...flags]);
    expect(stdout).toMatch(
      /✗ new {3}not recovered yet: there is no Borg repository .*; what is on its datasets counts as a part of new-\S+, which steward recover removes when it goes on; --start-empty new .*--keep-what-is-there new/,
    );
    expect(code).toBe(1);
  });

  it('does not start with that part for nothing', async () => {
    const refusal = /holds data already \(.*new\/half\); remove what is there, .* --keep-what-is-there new/;
    expectRefusal(await steward(['recover', ...flags, '--start-empty', 'new']), refusal);
    expect(started()).toBe(false);
  });

  it.each<[string, string[], RegExp]>([
    ['without its name again', [], /without a terminal, --confirm new says that it may; nothing was done/],
    ['with another name', ['--confirm', 'nwe'], /--confirm nwe is not new; nothing was done/],
  ])('does not start with what is there %s', async (_how, more, words) => {
    const given = ['recover', ...flags, '--keep-what-is-there', 'new', ...more];
    expectRefusal(await steward(given), words);
    expect(started()).toBe(false);
  });

  it('starts with what is there once its name is said again, and nothing of it is removed', async () => {
    const given = ['recover', ...flags, '--keep-what-is-there', 'new', '--confirm', 'new'];
    const { code, stdout } = await steward(given);
    expect(stdout).toMatch(/· new {3}starts with what is there/);
    expect(code).toBe(0);
    expect(host().data()).toContain('datapool/services/new:/half');
    expect(started()).toBe(true);
  });

  it('starts with nothing once that part is taken away', async () => {
    await server('lost-and-emptied');
    const { code, stdout } = await steward(['recover', ...flags, '--start-empty', 'new']);
    expect(stdout).toMatch(/· new {3}starts with what is there/);
    expect(code).toBe(0);
  });
});
