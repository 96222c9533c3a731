import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../reconciler/types.ts';
import { archive, type ProofLab, proofLab } from './proof-lab.ts';

let lab: ProofLab;

beforeEach(() => {
  lab = proofLab();
});

const sha256Of = (file: string) => execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64);
const put = (name: string, text = 'x') => writeFileSync(`${lab.snapshot}/${name}`, text);
/** Names are bytes. */
const raw = (name: string) => Buffer.concat([Buffer.from(`${lab.snapshot}/`), Buffer.from(name, 'latin1')]);
const tidy = () => readdirSync(lab.at('state/manifests'));

/** Restored, changed, and compared with what was taken of the snapshot. */
async function differenceAfter(change: (root: string) => void, excludes: string[] = []) {
  await lab.archived(excludes);
  const taken = await lab.manifest(excludes);
  await lab.restore();
  change(lab.mountpoint);
  return (await lab.compare(taken))?.failed ?? null;
}

describe('a manifest', () => {
  it('holds what the snapshot has, with the bytes of a sample', async () => {
    await lab.archived();
    const taken = await lab.manifest();
    const bytes = 3_000_000 + 10 * 'row 0'.length + 70 * 'row 10'.length;
    expect(taken).toMatchObject({ archive, entries: 83, bytes });
    expect(taken.listing).toMatch(/^[0-9a-f]{64}$/);
    expect(taken.sample).toHaveLength(64);
    for (const { path, size, sha256 } of taken.sample) {
      expect(sha256).toBe(sha256Of(`${lab.snapshot}/${path}`));
      expect(size).toBe(lstatSync(`${lab.snapshot}/${path}`).size);
    }
    expect(await lab.manifest()).toEqual(taken);
  });

  it('is not what the archive has: what the archive lacks is in it, and told at once', async () => {
    await lab.archived();
    put('late', 'forgotten');
    const facts = await lab.takes();
    expect(facts?.manifest?.entries).toBe(84);
    expect(facts?.failed).toBe(`${archive} holds 83 files and folders, its snapshot 84`);
    await lab.restore();
    const compared = await lab.compare(facts?.manifest as Manifest);
    expect(compared?.failed).toMatch(/there are 83 files and folders .*, not 84 .*; late is missing$/);
  });

  it('takes away what a sort that was killed has left', async () => {
    await lab.archived();
    await lab.manifest();
    const [file = ''] = tidy();
    mkdirSync(lab.at(`state/manifests/${file}.sort`));
    writeFileSync(lab.at(`state/manifests/${file}.sort/sortA1b2C3`), 'half');
    await lab.manifest();
    expect(tidy()).toEqual([file]);
  });

  it('keeps its list where only root reads it, and leaves nothing else behind', async () => {
    await lab.archived();
    const { listing } = await lab.manifest();
    const [file = '', ...others] = tidy();
    expect(others).toEqual([]);
    expect(lstatSync(lab.at('state/manifests')).mode & 0o777).toBe(0o700);
    expect(lstatSync(lab.at(`state/manifests/${file}`)).mode & 0o777).toBe(0o600);
    const text = execFileSync('sh', ['-c', `zcat ${lab.at(`state/manifests/${file}`)} | sha256sum`]);
    expect(text.toString()).toContain(listing);
  });

  it('is not taken where the snapshot is not mounted, or there is no room for its list', async () => {
    await expect(proofLab('exit 32').takes()).rejects.toThrow(
      'the snapshots of photo could not be mounted for the manifest: ',
    );
    mkdirSync(lab.at('state'));
    writeFileSync(lab.at('state/manifests'), '');
    await expect(lab.takes()).rejects.toThrow(
      /^the list of what is in .*repository cannot be kept in .*\.gz \(EEXIST\)$/,
    );
  });
});

describe('excludes', () => {
  beforeEach(() => {
    mkdirSync(`${lab.snapshot}/cache/deep`, { recursive: true });
    for (const name of ['cache/a', 'cache/deep/b', 'x.tmp', 'database/y.tmp', 'kept']) put(name);
    writeFileSync(raw('gone\xff.tmp'), 'x');
    writeFileSync(raw('new\nline.tmp'), 'x');
  });
  const excludes = ['cache/**', '*.tmp'];

  it('leave out of it what borg leaves out, and no more', async () => {
    await lab.archived(excludes);
    const facts = await lab.takes(excludes);
    expect(facts?.failed).toBeUndefined();
    expect(facts?.manifest?.entries).toBe(85);
    await lab.restore();
    expect(await lab.compare(facts?.manifest as Manifest)).toEqual({
      drill: { archive, entries: 85, difference: null },
    });
  });

  it('do not hide what the archive lacks besides', async () => {
    await lab.archived([...excludes, 'kept']);
    const facts = await lab.takes(excludes);
    expect(facts?.failed).toBe(`${archive} holds 84 files and folders, its snapshot 85`);
    await lab.restore();
    expect((await lab.compare(facts?.manifest as Manifest))?.failed).toContain('; kept is missing');
  });

  it('do not hide that something is there that they leave out', async () => {
    expect(await differenceAfter((root) => writeFileSync(`${root}/cache/a`, 'x'), excludes)).toContain(
      '; cache/a was not there',
    );
  });

  it('that tell apart what borg writes alike cannot be followed', async () => {
    writeFileSync(raw('a\xfe'), 'x');
    put('a?');
    await lab.archived(['a[?]']);
    await expect(lab.takes(['a[?]'])).rejects.toThrow(
      'no manifest was taken: Borg writes several names as a? and leaves out some of them; rename one',
    );
    expect(tidy()).toEqual([]);
  });
});

it('what was restored is what the snapshot held, whatever it is and is called', async () => {
  writeFileSync(raw('no\xfftext'), 'x');
  writeFileSync(raw('two\nlines'), 'x');
  writeFileSync(raw('-rf '), 'x');
  put('a!', 'sorts before what is in a');
  mkdirSync(`${lab.snapshot}/a`);
  put('a/b');
  linkSync(`${lab.snapshot}/top`, `${lab.snapshot}/database/again`);
  symlinkSync('a//b  c', `${lab.snapshot}/link`);
  execFileSync('mkfifo', [`${lab.snapshot}/pipe`]);
  chownSync(`${lab.snapshot}/a`, 100_999, 990);
  const server = createServer().listen(`${lab.snapshot}/socket`);
  await new Promise((done) => server.once('listening', done));
  expect(await differenceAfter(() => {})).toBeNull();
  server.close();
  expect(tidy()).toHaveLength(1);
});

describe('what was restored differs by', () => {
  let taken: Manifest;
  const top = () => {
    const sha256 = sha256Of(`${lab.snapshot}/top`);
    return { path: 'top', size: 3_000_000, uid: 0, gid: 0, mode: '-rwSr-----', sha256 };
  };

  // One archive for all of them: each restores it anew.
  let common: ProofLab;
  beforeAll(async () => {
    common = lab = proofLab();
    await lab.archived();
    const { sample, ...rest } = await lab.manifest();
    taken = { ...rest, sample: [...sample.filter(({ path }) => path !== 'top'), top()] };
  });

  beforeEach(async () => {
    lab = common;
    rmSync(lab.mountpoint, { recursive: true });
    mkdirSync(lab.mountpoint);
    await lab.restore();
  });

  it.each<[string, (root: string) => void, string]>([
    ['a changed byte', (root) => flip(`${root}/top`), 'top has other content'],
    [
      'a missing file',
      (root) => rmSync(`${root}/top`),
      'there are 82 files and folders with 470 bytes, not 83 with 3000470; top is missing',
    ],
    ['another mode', (root) => chmodSync(`${root}/top`, 0o600), 'top has the mode 0600, not 4640'],
    [
      'the owner that containers have',
      (root) => chownSync(`${root}/database`, 100_999, 100_999),
      'database has the owner 100999:100999, not 0:0',
    ],
    ['another owner of its own folder', (root) => chownSync(root, 5, 0), '. has the owner 5:0, not 0:0'],
    [
      'one file more',
      (root) => writeFileSync(`${root}/database/more`, ''),
      'there are 84 files and folders with 3000470 bytes, not 83 with 3000470; database/more was not there',
    ],
    [
      'a cut file',
      (root) => {
        writeFileSync(`${root}/top`, 'x');
        chmodSync(`${root}/top`, 0o640);
      },
      'there are 83 files and folders with 471 bytes, not 83 with 3000470; top has the mode 0640, not 4640, and the size 1, not 3000000',
    ],
    [
      'a folder in the place of a file',
      (root) => {
        rmSync(`${root}/top`);
        mkdirSync(`${root}/top`);
      },
      'there are 83 files and folders with 470 bytes, not 83 with 3000470; top is a folder, not a file',
    ],
    [
      'many at once, of which the first few are named',
      (root) => rmSync(`${root}/database`, { recursive: true }),
      "there are 2 files and folders with 3000000 bytes, not 83 with 3000470; database is missing; database/it's file 0 is missing; database/it's file 1 is missing; database/it's file 10 is missing; database/it's file 11 is missing; and 76 more",
    ],
  ])('%s', async (_what, change, found) => {
    change(lab.mountpoint);
    const difference = `${archive} does not restore to what was archived: ${found}`;
    const facts = await lab.compare(taken);
    expect(facts).toEqual({ drill: { archive, entries: 83, difference }, failed: difference });
  });

  it('its mode, told without a name where the list is gone', async () => {
    for (const file of tidy()) rmSync(lab.at(`state/manifests/${file}`));
    expect((await lab.compare(taken))?.failed).toBeUndefined();
    chmodSync(`${lab.mountpoint}/top`, 0o600);
    expect((await lab.compare(taken))?.failed).toMatch(
      /paths differ; which ones cannot be said, as .* is not the list of that archive any more$/,
    );
  });
});

describe('a manifest of an earlier Steward, which has no list', () => {
  const before = async (over: Partial<Manifest> = {}) => {
    const { listing: _none, ...taken } = await lab.manifest();
    return { ...taken, ...over };
  };

  it('is compared by what it holds', async () => {
    linkSync(`${lab.snapshot}/top`, `${lab.snapshot}/database/again`);
    await lab.archived();
    // It counted the bytes of a file with two names once.
    const taken = await before({ bytes: 3_000_470 });
    await lab.restore();
    expect((await lab.compare(taken))?.failed).toBeUndefined();
    writeFileSync(`${lab.mountpoint}/more`, '');
    expect((await lab.compare(taken))?.failed).toMatch(
      /there are 85 files and folders with .*, not 84 with 3000470$/,
    );
    rmSync(`${lab.mountpoint}/more`);
    const [first] = taken.sample;
    chmodSync(`${lab.mountpoint}/${first?.path}`, 0o640);
    expect((await lab.compare(taken))?.failed).toContain(
      `${first?.path} has the mode -rw-r-----, not ${first?.mode}`,
    );
  });
});

/** Overwrites a byte; writing takes the setuid bit away, which is not what this is about. */
function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[1000] = 0;
  writeFileSync(file, bytes);
  chmodSync(file, 0o4640);
}
