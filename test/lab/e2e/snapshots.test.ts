import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mountsBelow, startBackupLab } from './support/backup-lab.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { git, labYaml, small } from './support/lab-files.ts';

const withChild = `version: 1
dataset:
  children:
    db: { properties: { recordsize: 16K } }
`;

const root = '/datapool/services/photo';

/** Whatever can be told of a file, but inode, change time and the number of links of directories. */
const manifest = `cd ${root} && {
  find . -path ./foreign -prune -o ! -type d -printf '%p %y %m %U %G %s %T@ %l %n\\n'
  find . -path ./foreign -prune -o -type d -printf '%p %y %m %U %G %T@\\n'
  find . -path ./foreign -prune -o -type f -print0 | xargs -0 sha256sum
} | LC_ALL=C sort`;

const before = `cd ${root} && mkdir data/dir && cd data &&
printf AAAA > a && printf 12345 > same && printf 12345 > l1 && ln l1 l2 && printf g > dir/gone && printf r > renamed &&
printf w > 'wei rd é*?[x' && printf n > "$(printf 'new\\nline')" && ln -s nowhere sym && mkfifo fifo && printf s > swap &&
printf u > suid && chown -R 101000:101000 . && chmod 4755 suid && truncate -s 10M sparse && printf 1 > ../db/row &&
touch -d '2020-01-01 00:00:00.123456789' same l1`;

/** Contents under an old time, files in the place of others, renames, owners, modes: all that a test by time misses. */
const afterwards = `cd ${root}/data && printf BBBBB > a && m=$(stat -c %y same) &&
printf 54321 > same && touch -d "$m" same && printf 99999 > l1 && touch -d "$m" l1 &&
printf z > swap2 && touch -r swap swap2 && chown --reference=swap swap2 && mv swap2 swap &&
rm dir/gone 'wei rd é*?[x' sym fifo && mv renamed elsewhere && ln -s other sym && printf f > fifo && chmod 777 . &&
mkdir -p new/deep && printf 1 > new/deep/1 && printf 2 > ../db/row && chown 0:0 sparse &&
zfs create datapool/services/photo/foreign && printf precious > ../foreign/file && chmod 701 ../foreign`;

describe('a snapshot by hand', () => {
  let lab: Homelab;

  beforeAll(async () => {
    lab = await startHomelab();
    const services = { ...small('photo'), ...small('wiki'), 'services/photo/service.yaml': withChild };
    await lab.push({ 'lab.yaml': labYaml, ...services });
    await lab.converge();
    await lab.run(before);
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  const ok = async (args: string) => expect(await lab.steward(args)).toMatchObject({ exitCode: 0 });
  const tags = async () => {
    const { stdout } = await lab.steward('snapshot list photo --output json');
    return (JSON.parse(stdout) as { tag: string; whose: string }[]).map(
      ({ tag, whose }) => `${tag} ${whose}`,
    );
  };

  test('of all services is of one instant', async () => {
    await ok('snapshot create --all friday');
    const txgs = await lab.run('zfs get -H -t snapshot -o value createtxg | sort -u');
    expect(txgs.trim().split('\n')).toHaveLength(1);
    expect(await tags()).toEqual(['friday by-hand']);
  });

  test('is destroyed only when it is ours, not held, and nothing stands on it', async () => {
    const snapshot = `${root.slice(1)}@friday`;
    const refused = async (tag: string, words: string) => {
      const { exitCode, stderr } = await lab.steward(`snapshot destroy photo ${tag} --yes`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(words) });
    };
    await lab.run(`zfs snapshot ${root.slice(1)}@auto && zfs hold keep ${snapshot}`);
    await refused('auto', 'was not taken by steward');
    await refused('friday', 'is held');
    await lab.run(`zfs release keep ${snapshot} && zfs clone ${snapshot} datapool/clone`);
    await refused('friday', 'datapool/clone stands on');
    await lab.run('zfs destroy datapool/clone');
    await ok('snapshot destroy photo friday --yes');
    expect(await tags()).toEqual(['auto other']);
  });

  test('brings every file back, leaves other datasets and newer snapshots alone, and can be undone', async () => {
    await ok('snapshot create photo good');
    const good = await lab.run(manifest);
    await lab.run(afterwards);
    const bad = await lab.run(manifest);
    const startedAt = (await lab.containers()).photo?.startedAt;
    await ok('snapshot rollback photo good --confirm photo@good');
    const { photo } = await lab.containers();
    expect(photo?.status).toBe('running');
    expect(photo?.startedAt).not.toBe(startedAt);
    expect(await lab.run(manifest)).toBe(good);
    expect(await lab.run(`cat ${root}/foreign/file; stat -c %a ${root}/foreign`)).toBe('precious701');
    expect(await lab.run(`${mountsBelow('/run/steward/rollback')}; ls /run/steward/rollback`)).toBe('0');
    const safety = (await tags()).find((tag) => tag.startsWith('before-rollback-'))?.split(' ')[0];
    await ok(`snapshot rollback photo ${safety} --confirm photo@${safety}`);
    expect(await lab.run(manifest)).toBe(bad);
    const ours = (await tags()).filter((tag) => tag.endsWith(' by-hand'));
    expect(ours.map((tag) => tag.replace(/-\d.*/, ''))).toEqual([
      'good by-hand',
      'before-rollback',
      'before-rollback',
    ]);
  });

  test('that is killed while it copies is taken back by whoever runs next', async () => {
    // The cycle that takes it back would put the group of a folder right as well.
    await lab.converge();
    const before = await lab.run(manifest);
    const rollback = 'steward snapshot rollback photo good --confirm photo@good > /tmp/rollback.log 2>&1';
    // It dies with its parent, its own children with it: on a busy machine that takes a moment.
    const dead = "timeout 60 sh -c 'while pgrep -x rsync > /dev/null; do sleep 0.05; done'";
    const killed = await lab.run(
      `${rollback} & until pgrep -x rsync > /dev/null; do sleep 0.02; done; kill -9 $!; wait; ${dead}; pgrep -xc rsync; docker inspect -f '{{.State.Status}}' photo`,
    );
    expect(killed).toBe('0\nexited');
    const { stderr } = await lab.steward('reconcile --once');
    expect(stderr).toMatch(/the last run ended in the middle of backup:photo\/restore; .*started again/);
    expect(await lab.run(manifest)).toBe(before);
    expect((await lab.containers()).photo?.status).toBe('running');
  });
});

describe('a rollback of a PostgreSQL that runs', () => {
  let lab: Homelab;
  const rollback = 'snapshot rollback git';

  beforeAll(async () => {
    lab = await startBackupLab();
    await sql('create table counter (n serial)');
    await insert(500);
    expect(await lab.steward('snapshot create git good')).toMatchObject({ exitCode: 0 });
    await insert(77);
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  const sql = (statement: string) => lab.run(`docker exec git-database psql -U app -qAtc "${statement}"`);
  const insert = (rows: number) => sql(`insert into counter select from generate_series(1, ${rows})`);
  const rows = async () => Number(await sql('select count(*) from counter'));
  const safeties = async () => {
    const names = await lab.run('zfs list -H -t snapshot -o name -s creation | grep @before-rollback-');
    return [...new Set(names.trim().split('\n'))];
  };
  const ids = async () => {
    const { 'git-database': database, 'git-app': app } = await lab.containers();
    return { ids: [database?.id, app?.id], status: [database?.status, app?.status] };
  };

  test('gives the rows of the snapshot, in the same containers, and keeps the others', async () => {
    const before = await ids();
    const { exitCode, stdout } = await lab.steward(`${rollback} good --confirm git@good --output json`);
    const lines = stdout.trim().split('\n');
    const ended = JSON.parse(lines.at(-1) ?? '{}') as { result: string; notes: string[] };
    expect({ exitCode, result: ended.result }).toEqual({ exitCode: 0, result: 'applied' });
    expect(await rows()).toBe(500);
    expect(await ids()).toEqual(before);
    const [first = '', second] = await safeties();
    const tag = first.split('@')[1];
    expect([first, second]).toEqual(
      ['git', 'git/database'].map((name) => `datapool/services/${name}@${tag}`),
    );
    // Beside it, that a container was killed where the emulated server was too slow for its grace.
    expect(ended.notes).toContain(
      `what git was before is in ${tag}; steward ${rollback} ${tag} goes back to it`,
    );
    expect(await lab.why('backup:git/restore')).toMatchObject([
      { result: 'applied', reasons: [{ field: 'data', from: tag, to: 'good' }] },
    ]);
  });

  test('is taken back by whoever runs next when it is killed while it copies', async () => {
    await insert(30);
    const killed = await lab.run(
      `steward ${rollback} good --confirm git@good > /tmp/killed.log 2>&1 & until pgrep -x rsync > /dev/null; do sleep 0.02; done; kill -9 $!; wait; docker inspect -f '{{.State.Status}}' git-database git-app`,
    );
    expect(killed.trim()).toBe('exited\nexited');
    const { stderr } = await lab.steward('reconcile --once');
    expect(stderr).toMatch(
      /in the middle of backup:git\/restore; .*data is what it was before; .*started again; what git was before is in before-rollback-\S+; steward snapshot rollback git before-rollback-\S+ goes back to it/,
    );
    expect(await rows()).toBe(530);
    expect((await ids()).status).toEqual(['running', 'running']);
  });

  test('stays where the service does not get well on it, and the command that is told undoes it', async () => {
    const version = '/datapool/services/git/database/PG_VERSION';
    await lab.run(`mv ${version} /tmp/PG_VERSION && zfs snapshot -r datapool/services/git@broken`);
    await lab.run(`mv /tmp/PG_VERSION ${version}`);
    await lab.push({
      'services/git/service.yaml': `${git['services/git/service.yaml']}`.replace('300s', '90s'),
    });
    await lab.converge();
    const { exitCode, stderr } = await lab.steward(`${rollback} broken --confirm git@broken`);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(stderr).toContain('what was brought back stays');
    const [, back, tag] = /steward (snapshot rollback git (\S+)) goes back to it/.exec(stderr) ?? [];
    await lab.steward(`${back} --confirm git@${tag}`);
    await lab.run('until docker exec git-database pg_isready -U app; do sleep 1; done');
    expect(await rows()).toBe(530);
  });
});
