import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RepositoryRef } from '../../../desired-state/backup-parts.ts';
import type { StepFacts } from '../../../reconciler/apply/types.ts';
import type { Step } from '../../../reconciler/types.ts';
import { startStewardLab } from '../install-steward.ts';
import type { LabVm } from '../vm.ts';

type Ran = { op: string; ms: number; facts?: StepFacts; error?: string };

const passphraseFile = '/etc/steward/passphrase';
const remote: RepositoryRef = {
  location: 'ssh://borg@localhost/backup/borg/lab/photo',
  encryption: 'repokey-blake2',
  passphraseFile,
  identity: null,
  knownHosts: null,
  keysDirectory: null,
  appendOnly: false,
};
const local: RepositoryRef = { ...remote, location: '/backup/local/photo' };
const dataset = 'datapool/photo';
const mountpoint = '/datapool/photo';

function names(tag: string): string[] {
  return [`${dataset}@${tag}`, `${dataset}/db@${tag}`];
}

function take(tag: string): Step {
  const marker = { path: `${mountpoint}/.steward-marker`, guard: { dataset, mountpoint } };
  return { op: 'zfs-snapshot', snapshots: names(tag), run: tag, markers: [marker] };
}

function create(tag: string, repository = remote): Step {
  const [root = '', database = ''] = names(tag);
  const mounts = [
    { snapshot: root, below: '' },
    { snapshot: database, below: 'db' },
  ];
  const excludes = ['*.tmp', 'cache/**'];
  const rest = {
    at: 'photo',
    mounts,
    compression: 'lz4',
    excludes,
    comment: tag,
    repositoryId: null,
    expected: null,
  };
  return { op: 'borg-create', repository, archive: `photo-${tag}`, ...rest };
}

function destroy(tag: string): Step {
  return { op: 'zfs-destroy-snapshots', snapshots: names(tag), run: tag };
}

/** Borg over SSH and locally, and ZFS, as they are. */
describe('the steps of a backup', { timeout: 15 * 60_000 }, () => {
  let vm: LabVm;

  const program = 'node /opt/steward/dist/app/steps.js';
  async function run(...steps: Step[]): Promise<Ran[]> {
    const { stdout } = await vm.exec(`LOCK_WAIT=10 ${program}`, {
      input: JSON.stringify(steps),
      allowFailure: true,
      timeoutMs: 10 * 60_000,
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Ran);
  }
  const errorOf = async (step: Step) => (await run(step))[0]?.error;

  beforeAll(async () => {
    vm = await startStewardLab();
    await vm.exec(`set -e
      install -d -m 700 /etc/steward; umask 077; echo 'correct horse' > ${passphraseFile}; umask 022
      echo 'another one' > /etc/steward/wrong; chmod 600 /etc/steward/wrong
      zfs create ${dataset}; zfs create ${dataset}/db; cd ${mountpoint}
      mkdir -p cache/deep below/cache files; for i in $(seq 200); do echo $i > files/$i; done
      touch a.tmp below/b.tmp cache/x cache/deep/y below/cache/kept db/data
      chown 101000:990 .; chmod 2770 .`);
  });

  afterAll(() => vm?.shutdown());

  test('make a repository with the folders above it, and adopt it the next time', async () => {
    const [made, adopted] = await run(
      { op: 'borg-init', repository: remote },
      { op: 'borg-init', repository: remote },
    );
    expect(made?.facts).toEqual(adopted?.facts);
    expect(made?.facts?.repository).toMatchObject({ encryption: 'repokey-blake2', archives: [] });
  });

  test('read every file once, and then only the marker', async () => {
    const first = await run(take('one'), create('one'), destroy('one'));
    const second = await run(take('two'), create('two'), destroy('two'));
    expect([first[1]?.facts?.archive?.filesRead, second[1]?.facts?.archive?.filesRead]).toEqual([203, 1]);
    expect(second[1]?.facts?.archive).toMatchObject({ name: 'photo-two', files: 203, warnings: [] });
    const left = `zfs list -H -t snapshot -r ${dataset}; grep -s /run/steward /proc/[0-9]*/mounts || true`;
    expect((await vm.exec(left)).stdout).toBe('');
  });

  test('keep owner and mode of the root, what is below it, and leave out what is excluded', async () => {
    const env = `BORG_PASSCOMMAND='cat ${passphraseFile}' BORG_HOST_ID=reader@lab`;
    const format = "'{mode} {uid}:{gid} {path}{NL}'";
    const { stdout } = await vm.exec(`${env} borg list --format ${format} ${remote.location}::photo-two`);
    const lines = stdout
      .trim()
      .split('\n')
      .filter((line) => !line.includes('files/'));
    expect(lines[0]).toBe('drwxrws--- 101000:990 .');
    expect(lines.map((line) => line.split(' ')[2]).sort()).toEqual(
      [
        '.',
        '.steward-marker',
        'below',
        'below/cache',
        'below/cache/kept',
        'cache',
        'db',
        'db/data',
        'files',
      ].sort(),
    );
  });

  test('find an archive that an earlier attempt has made', async () => {
    const [, again] = await run(take('two'), create('two'));
    expect(again?.facts?.archive).toMatchObject({ name: 'photo-two', files: 203 });
    expect(again?.facts?.archive?.warnings).toHaveLength(1);
    expect(await errorOf({ ...create('two'), comment: 'another run' } as Step)).toMatch(/has not made$/);
  });

  test('say in a sentence what is wrong', async () => {
    const wrong = { ...remote, passphraseFile: '/etc/steward/wrong' };
    expect(await errorOf({ op: 'borg-list', repository: wrong })).toBe(
      `the passphrase in /etc/steward/wrong is not the one of ${remote.location}`,
    );
    const none = { ...remote, location: 'ssh://borg@localhost/backup/borg/none' };
    expect(await errorOf({ op: 'borg-list', repository: none })).toMatch(/^there is no repository at/);
    const stranger = { ...remote, knownHosts: '/dev/null' };
    expect(await errorOf({ op: 'borg-list', repository: stranger })).toMatch(
      /: No .* host key is known for localhost/,
    );
  });

  test('have a lock of ours broken whose process number another has now, and no lock of others', async () => {
    await run({ op: 'borg-init', repository: local });
    const hold = (holder: string) =>
      vm.exec(`mkdir ${local.location}/lock.exclusive; touch '${local.location}/lock.exclusive/${holder}'`);
    const { stdout: host } = await vm.exec(
      `cat /etc/machine-id | tr -d '\\n' | { cat; printf '\\n/var/lib/steward-steps'; } | sha256sum | cut -c1-16`,
    );
    await hold(`steward-${host.trim()}@steward.2-0`);
    expect(await errorOf({ op: 'borg-list', repository: local })).toBeUndefined();
    await hold('other@host.99-0');
    expect(await errorOf({ op: 'borg-list', repository: local })).toMatch(/^somebody else holds the lock/);
    await vm.exec(`rm -r ${local.location}/lock.exclusive`);
  });

  test('leave nothing behind when Steward is killed', async () => {
    await vm.exec(`head -c 40000000 /dev/urandom > ${mountpoint}/files/large`);
    await run(take('three'));
    const { stdout } = await vm.exec(
      `cat > /root/steps.json; ${program} < /root/steps.json > /dev/null 2>&1 & steward=$!
       until grep -qs /run/steward/backup /proc/[0-9]*/mounts; do sleep 0.2; done; sleep 2
       kill -9 $steward; sleep 3; pgrep -af '[b]org create|[s]sh .*borg serve'
       grep -s /run/steward /proc/[0-9]*/mounts; echo looked`,
      { input: JSON.stringify([create('three')]), allowFailure: true },
    );
    expect(stdout.trim()).toBe('looked');
    const [again, gone] = await run(create('three'), destroy('three'));
    expect(again?.facts?.archive).toMatchObject({ name: 'photo-three', warnings: [] });
    expect(gone?.facts).toEqual({});
  });

  test('put right what a dead run has left once its pool is there, and not before', async () => {
    const guards = [dataset, `${dataset}/db`].map((name) => ({ dataset: name, mountpoint: `/${name}` }));
    await vm.exec(`docker create --name photo-db -v ${mountpoint}/db:/data lab/busybox:1 sleep 10000`);
    await run(take('five'));
    const start: Step = {
      op: 'containers-start',
      containers: [{ id: 'gone', name: 'photo-db', needs: [], guards }],
    };
    const putRight = async (step: Step) => {
      const { stdout } = await vm.exec(`SINCE_MS=1000 ${program}`, {
        input: JSON.stringify([step]),
        allowFailure: true,
      });
      return JSON.parse(stdout.trim()) as Ran;
    };
    const state = async () => (await vm.exec(`docker inspect -f '{{.State.Status}}' photo-db`)).stdout.trim();
    await vm.exec('zpool export datapool');
    expect((await putRight(start)).error).toMatch(
      /^photo-db is kept down: datapool\/photo at \/datapool\/photo, /,
    );
    expect((await putRight(destroy('five'))).error).toMatch(/^the pool datapool is not imported/);
    expect(await state()).toBe('created');
    // As where a key is not loaded.
    await vm.exec(`zpool import -N datapool && zfs mount datapool`);
    expect((await putRight(start)).error).toMatch(/^photo-db is kept down/);
    expect(await state()).toBe('created');
    await vm.exec('zfs mount -a');
    expect([await putRight(start), await putRight(destroy('five'))].map(({ facts }) => facts)).toEqual([
      {},
      {},
    ]);
    expect(await state()).toBe('running');
    const { stdout } = await vm.exec(`docker exec photo-db ls /data; docker rm -f photo-db > /dev/null`);
    expect(stdout.trim()).toBe('data');
  });

  test('give up a server that says nothing any more', async () => {
    await vm.exec(`head -c 40000000 /dev/urandom > ${mountpoint}/files/large`);
    await run(take('four'));
    const sent = 'du -sb /backup/borg/lab/photo/data | cut -f1';
    const { stdout } = await vm.exec(
      `cat > /root/steps.json; IDLE_MS=30000 ${program} < /root/steps.json > /tmp/ran & steward=$!
       before=$(${sent}); until [ $(${sent}) -gt $((before + 2000000)) ]; do kill -0 $steward || break; sleep 0.1; done
       pkill -STOP -u borg -f 'borg serve'; wait $steward; pkill -CONT -u borg; cat /tmp/ran`,
      { input: JSON.stringify([create('four')]), allowFailure: true },
    );
    expect((JSON.parse(stdout) as Ran).error).toBe('borg said nothing for 30 s and was ended');
    const [again, gone] = await run(create('four'), destroy('four'));
    expect(again?.facts?.archive).toMatchObject({ name: 'photo-four', warnings: [] });
    expect(gone?.facts).toEqual({});
  });

  test('delete by name, and free the space', async () => {
    const [, , listed] = await run(
      { op: 'borg-delete', repository: remote, archives: ['photo-one', 'photo-none'], onlyAfter: null },
      { op: 'borg-compact', repository: remote },
      { op: 'borg-list', repository: remote },
    );
    expect(listed?.facts?.repository?.archives.map(({ name }) => name)).toEqual([
      'photo-two',
      'photo-three',
      'photo-four',
    ]);
  });
});
