import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { labYaml, small } from './support/lab-files.ts';

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
    expect(await lab.run('grep -c rollback /proc/mounts || true; ls /run/steward/rollback')).toBe('0');
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
    const before = await lab.run(manifest);
    const rollback = 'steward snapshot rollback photo good --confirm photo@good > /tmp/rollback.log 2>&1';
    const killed = await lab.run(
      `${rollback} & until pgrep -x rsync > /dev/null; do sleep 0.02; done; kill -9 $!; wait; pgrep -xc rsync; docker inspect -f '{{.State.Status}}' photo`,
    );
    expect(killed).toBe('0\nexited');
    const { stderr } = await lab.steward('reconcile --once');
    expect(stderr).toMatch(/the last run ended in the middle of backup:photo\/restore; .*started again/);
    expect(await lab.run(manifest)).toBe(before);
    expect((await lab.containers()).photo?.status).toBe('running');
  });
});
