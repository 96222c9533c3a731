import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RepositoryRef } from '../../../desired-state/backup-parts.ts';
import type { StepFacts } from '../../../reconciler/apply/types.ts';
import type { BackupStep, Manifest, Step } from '../../../reconciler/types.ts';
import { startStewardLab } from '../install-steward.ts';
import type { LabVm } from '../vm.ts';

type Ran = { op: string; ms: number; facts?: StepFacts; error?: string };

const passphraseFile = '/etc/steward/passphrase';
const folder = '/backup/borg/lab/photo';
const repository: RepositoryRef = {
  location: `ssh://borg@localhost${folder}`,
  encryption: 'repokey-blake2',
  passphraseFile,
  identity: null,
  knownHosts: null,
  keysDirectory: null,
  appendOnly: false,
};
const dataset = 'datapool/photo';
const archive = 'photo-one';
const mounts = [
  { snapshot: `${dataset}@one`, below: '' },
  { snapshot: `${dataset}/db@one`, below: 'db' },
];
const scratch = { dataset: 'datapool/steward-drill-photo', mountpoint: '/run/steward/drill/photo' };
const made = { ...scratch, run: 'drill-1', maxBytes: 200_000_000 };

const snapshots = mounts.map(({ snapshot }) => snapshot);
const take: Step = { op: 'zfs-snapshot', snapshots, run: 'one', markers: [] };
const sources = {
  at: 'photo',
  mounts,
  compression: 'lz4',
  excludes: [],
  comment: 'one',
  repositoryId: null,
  expected: null,
};
const create: Step = { op: 'borg-create', repository, archive, ...sources };
const manifestStep: Step = { op: 'borg-manifest', repository, archive, at: 'photo', mounts, excludes: [] };
const extract: Step = { op: 'borg-extract-scratch', repository, archive, guard: scratch };
const destroy: Step = { op: 'scratch-destroy', dataset: scratch.dataset, run: 'drill-1' };

/** Borg 1.4 over SSH and ZFS, as they are. */
describe('checks and restore drills', { timeout: 15 * 60_000 }, () => {
  let vm: LabVm;
  let manifest: Manifest;

  async function run(...steps: Step[]): Promise<Ran[]> {
    const { stdout } = await vm.exec('LOCK_WAIT=10 node /opt/steward/dist/app/steps.js', {
      input: JSON.stringify(steps),
      allowFailure: true,
      timeoutMs: 10 * 60_000,
    });
    const lines = stdout.trim().split('\n');
    return lines.map((line) => JSON.parse(line) as Ran);
  }
  const compare = (): Step => ({ op: 'borg-compare', repository, guard: scratch, manifest });
  const datasets = async () => (await vm.exec('zfs list -H -o name')).stdout;
  const check = async (mode: Extract<BackupStep, { op: 'borg-check' }>['mode']) =>
    (await run({ op: 'borg-check', repository, mode, maxSeconds: 300 }))[0];

  beforeAll(async () => {
    vm = await startStewardLab();
    await vm.exec(`set -e
      install -d -m 700 /etc/steward; umask 077; echo 'correct horse' > ${passphraseFile}; umask 022
      zfs create ${dataset}; zfs create ${dataset}/db; cd /datapool/photo
      for i in $(seq 100); do head -c $((i * 100)) /dev/urandom > "it's $i"; done
      head -c 3000000 /dev/urandom > db/data; chown -R 101000:990 db; chmod 2750 db; chmod 4711 'it'"'"'s 7'
      ln -s db/data link; ln db/data db/again; mkfifo pipe; touch "$(printf 'latin-\\344')"; chown 100999:4242 link -h`);
    await run({ op: 'borg-init', repository }, take, create);
  });

  afterAll(() => vm?.shutdown());

  test('a manifest is taken of the mounted snapshots, and no mount is left', async () => {
    const [without, ran] = await run({ ...manifestStep, excludes: ['db/**'] }, manifestStep);
    // What excludes leave out is what borg says, and the archive was made without any.
    expect(without?.facts?.failed).toBe(`${archive} holds 107 files and folders, its snapshot 105`);
    expect(ran?.error).toBeUndefined();
    manifest = ran?.facts?.manifest as Manifest;
    expect(manifest).toMatchObject({ archive, entries: 107 });
    expect(manifest.sample).toHaveLength(64);
    await vm.exec(`zfs destroy ${dataset}@one; zfs destroy ${dataset}/db@one
      ! cat /proc/[0-9]*/mounts 2> /dev/null | grep backup/photo`);
  });

  test('a drill restores what was archived, owners of containers too, and leaves nothing', async () => {
    const ran = await run({ op: 'scratch-create', ...made }, extract, compare(), destroy);
    expect(ran.map(({ op, error, facts }) => [op, error ?? facts?.failed])).toEqual([
      ['scratch-create', undefined],
      ['borg-extract-scratch', undefined],
      ['borg-compare', undefined],
      ['scratch-destroy', undefined],
    ]);
    expect(ran[2]?.facts?.drill).toEqual({ archive, entries: 107, difference: null });
    expect(await datasets()).not.toContain('steward-drill');
  });

  test('one changed byte, owner or file more is found, and named', async () => {
    const name = manifest.sample[0]?.path ?? '';
    await run({ op: 'scratch-create', ...made }, extract);
    const comparedAfter = async (command: string) => {
      await vm.exec(`cd ${scratch.mountpoint}; ${command}`);
      return (await run(compare()))[0]?.facts?.failed;
    };
    expect(await comparedAfter('touch db/more')).toMatch(
      /there are 108 files and folders with (\d+) bytes, not 107 with \1; db\/more was not there$/,
    );
    expect(await comparedAfter('rm db/more; chown 5:6 db/data')).toMatch(
      /db\/(again|data) has the owner 5:6, not 101000:990/,
    );
    expect(
      await comparedAfter(`chown 101000:990 db/data; printf X | dd of=${JSON.stringify(name)} conv=notrunc`),
    ).toContain(`${name} has other content`);
    expect((await run(destroy))[0]?.error).toBeUndefined();
  });

  test('what is not its own is neither used nor destroyed', async () => {
    await vm.exec(`zfs create -o mountpoint=none ${scratch.dataset}; zfs set steward:run=drill-1 datapool`);
    const [refused] = await run({ op: 'scratch-create', ...made });
    expect(refused?.error).toContain('was not made by this drill');
    const [left] = await run(destroy);
    expect(left?.facts?.heldBack).toContain('was not destroyed');
    await vm.exec(`zfs inherit steward:run datapool; zfs destroy ${scratch.dataset}`);
    const [gone] = await run(destroy);
    expect(gone?.facts).toEqual({});
    const [large] = await run({ op: 'scratch-create', ...made, maxBytes: 1e15 });
    expect(large?.error).toContain('are free; nothing was restored');
  });

  test('checks are clean, and find a damaged segment in every mode', async () => {
    for (const mode of ['partial', 'full', 'verify-data'] as const)
      expect((await check(mode))?.facts).toEqual({ check: { mode, damaged: false, messages: [] } });
    await vm.exec(
      `f=$(ls -S ${folder}/data/0/* | head -1); printf XXXXXXXX | dd of=$f bs=1 seek=1000000 conv=notrunc`,
    );
    for (const mode of ['partial', 'full', 'verify-data'] as const) {
      const ran = await check(mode);
      expect(ran?.facts?.check?.damaged).toBe(true);
      expect(ran?.facts?.failed).toMatch(
        /damage in ssh:.* \(.*(integrity|mismatch|[Ee]rror).*\); look at its disk/,
      );
    }
  });
});
