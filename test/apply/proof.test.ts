import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Manifest, Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { createStep, reference } from './backup-fixtures.ts';

/** Real borg on local folders (1.2 or 1.4, package borgbackup); mounts and ZFS are stood in for. */

let lab: ReturnType<typeof labOf>;

function labOf() {
  const folder = mkdtempSync(path.join(tmpdir(), 'proof-'));
  const at = (name: string) => path.join(folder, name);
  for (const name of ['run/backup/photo/database', 'restored']) mkdirSync(at(name), { recursive: true });
  for (let file = 0; file < 80; file += 1)
    writeFileSync(at(`run/backup/photo/database/it's file ${file}`), `row ${file}`);
  writeFileSync(at('run/backup/photo/top'), Buffer.alloc(3_000_000, 7));
  chmodSync(at('run/backup/photo/top'), 0o4640);
  const unshare = fakeTool('while [ "$1" != sh ]; do shift; done; exec "$@"').command;
  const commands = { unshare, mount: fakeTool('true').command };
  const mountpoint = at('restored');
  const executor = hostExecutor({
    commands,
    stateDir: at('state'),
    runDir: at('run'),
    readMountinfo: async () => {
      const { mnt } = await mountIdOf(mountpoint);
      return `${mnt} 1 0:1 / ${mountpoint} rw - zfs pool/scratch rw\n`;
    },
  });
  const repository = { ...reference, location: at('repository'), encryption: 'none' };
  return { at, repository, mountpoint, run: (step: Step) => executor.execute(step, {}) };
}

async function mountIdOf(folder: string): Promise<{ mnt: number }> {
  const { open } = await import('node:fs/promises');
  const handle = await open(folder);
  try {
    const info = readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
    return { mnt: Number(/mnt_id:\s*(\d+)/.exec(info)?.[1]) };
  } finally {
    await handle.close();
  }
}

const archive = 'photo-2026-11-23T02:30:00Z';
const mounts = [{ snapshot: 'pool/photo@x', below: '' }];
const guard = () => ({ dataset: 'pool/scratch', mountpoint: lab.mountpoint });

async function archived(excludes: string[] = []): Promise<void> {
  const env = { ...process.env, BORG_BASE_DIR: lab.at('other') };
  execFileSync('borg', ['init', '-e', 'none', lab.repository.location], { env });
  await lab.run(createStep(lab.repository, { archive, mounts, excludes, compression: 'none' }));
}

async function manifest(whole = true): Promise<Manifest> {
  const facts = await lab.run({
    op: 'borg-manifest',
    repository: lab.repository,
    archive,
    at: 'photo',
    mounts,
    whole,
  });
  const taken = facts?.manifest;
  if (taken === undefined) throw new Error('no manifest');
  return taken;
}

const restore = () =>
  lab.run({ op: 'borg-extract-scratch', repository: lab.repository, archive, guard: guard() });
const compare = (taken: Manifest) =>
  lab.run({ op: 'borg-compare', repository: lab.repository, guard: guard(), manifest: taken });

beforeEach(async () => {
  lab = labOf();
  await archived();
});

describe('a manifest', () => {
  it('counts everything and knows the bytes of a sample, read from the snapshot', async () => {
    const taken = await manifest();
    expect(taken).toMatchObject({ archive, entries: 83 });
    expect(taken.sample).toHaveLength(64);
    const [first] = taken.sample.filter(({ path: name }) => name.endsWith("it's file 7"));
    const sha256 = execFileSync('sha256sum', [lab.at("run/backup/photo/database/it's file 7")], {
      encoding: 'utf8',
    });
    if (first !== undefined) expect(sha256).toContain(first.sha256);
    expect(taken.sample.every((file) => /^[0-9a-f]{64}$/.test(file.sha256))).toBe(true);
    expect(await manifest()).toEqual(taken);
  });

  it('is refused where the archive lacks something that the snapshot has', async () => {
    writeFileSync(lab.at('run/backup/photo/late'), 'x');
    await expect(manifest()).rejects.toThrow('holds 83 files and folders, its snapshot 84');
    expect((await manifest(false)).entries).toBe(83);
  });
});

describe('what was restored', () => {
  it('is what was archived, owners and modes too', async () => {
    const taken = await manifest();
    await restore();
    expect(await compare(taken)).toEqual({ drill: { archive, entries: 83, difference: null } });
  });

  it.each<[string, (root: string) => void, RegExp]>([
    ['a changed byte', (root) => flip(`${root}/top`), /top has other content/],
    ['a missing file', (root) => rmSync(`${root}/top`), /top is missing/],
    [
      'another mode',
      (root) => chmodSync(`${root}/top`, 0o600),
      /top has the mode -rw-------, not -rwSr-----/,
    ],
    [
      'one file more',
      (root) => writeFileSync(`${root}/database/more`, ''),
      /there are 84 files and folders, not 83/,
    ],
  ])('differs by %s', async (_what, change, sentence) => {
    const taken = await manifest();
    const all = { ...taken, sample: taken.sample };
    await restore();
    change(lab.mountpoint);
    if (!taken.sample.some(({ path: name }) => name === 'top'))
      all.sample = [...taken.sample, await sampled('top')];
    const facts = await compare(all);
    expect(facts?.failed).toMatch(sentence);
    expect(facts?.drill?.difference).toMatch(sentence);
  });
});

async function sampled(name: string): Promise<Manifest['sample'][number]> {
  const [sha256 = ''] = execFileSync('sha256sum', [lab.at(`run/backup/photo/${name}`)], {
    encoding: 'utf8',
  }).split(' ');
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return { path: name, size: 3_000_000, uid, gid, mode: '-rwSr-----', sha256 };
}

/** Overwrites a byte; writing takes the setuid bit away, which is not what this is about. */
function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[1000] = 0;
  writeFileSync(file, bytes);
  chmodSync(file, 0o4640);
}

describe('a check', () => {
  const check = (mode: 'partial' | 'full' | 'verify-data') =>
    lab.run({ op: 'borg-check', repository: lab.repository, mode, maxSeconds: 600 });

  it.each(['partial', 'full', 'verify-data'] as const)('%s is clean on a whole repository', async (mode) => {
    expect(await check(mode)).toEqual({ check: { mode, damaged: false, messages: [] } });
  });

  it.each(['partial', 'full', 'verify-data'] as const)(
    '%s finds a damaged segment and says so',
    async (mode) => {
      const folder = lab.at('repository/data/0');
      const file =
        readdirSync(folder)
          .map((name) => path.join(folder, name))
          .sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0] ?? '';
      const bytes = readFileSync(file);
      bytes.fill(88, 1_000_000, 1_000_010);
      writeFileSync(file, bytes);
      const facts = await check(mode);
      expect(facts?.check?.damaged).toBe(true);
      expect(facts?.failed).toMatch(
        /^borg check found damage in .*repository \(.*\); look at its disk, then run borg check .*--repair/,
      );
    },
  );

  it('that cannot be made says nothing of damage', async () => {
    rmSync(lab.at('repository'), { recursive: true });
    await expect(check('partial')).rejects.toThrow(/there is no repository|does not exist/);
  });
});
