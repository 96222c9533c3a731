import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { parseMountinfo } from '../../tools/mountinfo.ts';

const dataset = 'datapool/services/photo';

/** Id of the mount that a directory really is on. */
function mountIdOf(directory: string): string {
  const fd = openSync(directory, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

interface Told {
  type?: string;
  source?: string;
  root?: string;
  at?: string;
  id?: string;
}

/**
 * A folder that the list of mounts calls a dataset's mountpoint, or something else. It lies in another one of the
 * test's own, so that code which climbs out of it by mistake still does no harm: the tests run as root.
 */
function lab(told: Told = {}) {
  const mountpoint = path.join(mkdtempSync(path.join(tmpdir(), 'apply-dir-')), 'photo');
  mkdirSync(mountpoint);
  const { type = 'zfs', source = dataset, root = '/', at = mountpoint } = told;
  const line = `${told.id ?? mountIdOf(mountpoint)} 28 0:45 ${root} ${at} rw,noatime shared:5 - ${type} ${source} rw,xattr\n`;
  const executor = hostExecutor({ readMountinfo: async () => line });
  const guard = { dataset, mountpoint };
  return {
    guard,
    in: (name: string) => path.join(mountpoint, name),
    run: (step: Step) => executor.execute(step, {}),
  };
}

function look(at: string) {
  const { uid, gid, mode } = lstatSync(at);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
}

describe('creating a directory', () => {
  const wish = { op: 'directory-create' as const, uid: 101000, gid: 990, mode: '2770' };

  it('makes what is missing with the same owner and mode, set-gid included', async () => {
    const host = lab();
    await host.run({ ...wish, guard: host.guard, path: host.in('library/thumbs') });
    expect(look(host.in('library'))).toBe('101000:990 2770');
    expect(look(host.in('library/thumbs'))).toBe('101000:990 2770');
  });

  it('leaves what is above as it is', async () => {
    const host = lab();
    mkdirSync(host.in('library'), { mode: 0o751 });
    await host.run({ ...wish, guard: host.guard, path: host.in('library/thumbs') });
    expect(look(host.in('library'))).toBe(`${process.getuid?.()}:${process.getgid?.()} 0751`);
  });

  it('leaves one that is there already as its container has arranged it', async () => {
    const host = lab();
    mkdirSync(host.in('database'), { mode: 0o700 });
    chownSync(host.in('database'), 70, 70);
    await host.run({ ...wish, guard: host.guard, path: host.in('database') });
    expect(look(host.in('database'))).toBe('70:70 0700');
  });

  it('owns the mountpoint itself only while it is as ZFS made it', async () => {
    const host = lab();
    await host.run({ ...wish, guard: host.guard, path: host.guard.mountpoint });
    expect(look(host.guard.mountpoint)).toBe('101000:990 2770');
    const used = lab();
    writeFileSync(used.in('photo.jpg'), '');
    const before = look(used.guard.mountpoint);
    await used.run({ ...wish, guard: used.guard, path: used.guard.mountpoint });
    expect(look(used.guard.mountpoint)).toBe(before);
  });

  it('finishes one that a crash left without an owner', async () => {
    const host = lab();
    mkdirSync(host.in('library'));
    chmodSync(host.in('library'), 0);
    await host.run({ ...wish, guard: host.guard, path: host.in('library/thumbs') });
    expect(look(host.in('library'))).toBe('101000:990 2770');
  });

  it.each(['link', 'link/below'])('follows no symbolic link at %s', async (name) => {
    const host = lab();
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'elsewhere-'));
    symlinkSync(elsewhere, host.in('link'));
    const before = look(elsewhere);
    const step: Step = { ...wish, guard: host.guard, path: host.in(name) };
    await expect(host.run(step)).rejects.toThrow(/symbolic link/);
    expect(look(elsewhere)).toBe(before);
    expect(existsSync(path.join(elsewhere, 'below'))).toBe(false);
  });

  it('does not replace a file', async () => {
    const host = lab();
    writeFileSync(host.in('file'), 'x');
    await expect(host.run({ ...wish, guard: host.guard, path: host.in('file') })).rejects.toThrow(
      /not a directory/,
    );
    expect(readFileSync(host.in('file'), 'utf8')).toBe('x');
  });

  it.each(['../outside', 'a/../../outside'])('does not leave the mountpoint by %s', async (name) => {
    const host = lab();
    const step: Step = { ...wish, guard: host.guard, path: `${host.guard.mountpoint}/${name}` };
    await expect(host.run(step)).rejects.toThrow(/is not below .*; nothing was written/);
    expect(existsSync(host.in('../outside'))).toBe(false);
  });
});

describe('a directory is written only where its dataset is mounted, not', () => {
  it.each<[string, Told]>([
    ['on an ordinary directory', { id: '999999' }],
    ['where another file system is mounted', { type: 'ext4' }],
    ['where another dataset is mounted', { source: 'datapool/services' }],
    ['where only a part of the dataset is', { root: '/library' }],
    ['below the mountpoint of something larger', { at: '/' }],
  ])('%s', async (_where, told) => {
    const host = lab(told);
    const step: Step = {
      op: 'directory-create',
      path: host.in('a'),
      guard: host.guard,
      uid: 1,
      gid: 1,
      mode: '0700',
    };
    await expect(host.run(step)).rejects.toMatchObject({
      name: 'StepError',
      message: `${dataset} is not mounted at ${host.guard.mountpoint}; nothing was written`,
    });
    expect(existsSync(host.in('a'))).toBe(false);
  });
});

describe('changing an owner', () => {
  it('keeps set-gid and leaves what is below alone', async () => {
    const host = lab();
    mkdirSync(host.in('a/b'), { recursive: true });
    chmodSync(host.in('a'), 0o2750);
    await host.run({
      op: 'directory-owner',
      path: host.in('a'),
      guard: host.guard,
      uid: 7,
      gid: 8,
      recursive: false,
    });
    expect(look(host.in('a'))).toBe('7:8 2750');
    expect(look(host.in('a/b'))).toMatch(/^0:/);
  });

  it('reaches every file and link below when recursive, and nothing behind a link', async () => {
    const host = lab();
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'elsewhere-'));
    writeFileSync(path.join(elsewhere, 'secret'), '');
    mkdirSync(host.in('a/b'), { recursive: true });
    chmodSync(host.in('a/b'), 0o2770);
    writeFileSync(host.in('a/b/file'), '', { mode: 0o640 });
    symlinkSync(elsewhere, host.in('a/b/link'));
    await host.run({
      op: 'directory-owner',
      path: host.in('a'),
      guard: host.guard,
      uid: 7,
      gid: 8,
      recursive: true,
    });
    expect(look(host.in('a/b'))).toBe('7:8 2770');
    expect(look(host.in('a/b/file'))).toBe('7:8 0640');
    expect(look(host.in('a/b/link'))).toMatch(/^7:8 /);
    expect(look(elsewhere)).toMatch(/^0:/);
    expect(look(path.join(elsewhere, 'secret'))).toMatch(/^0:/);
  });

  it('changes the top last, so that an interrupted run is seen and done again', async () => {
    const host = lab();
    mkdirSync(host.in('a'));
    writeFileSync(host.in('a/file'), '');
    chownSync(host.in('a'), 5, 5);
    const executor = hostExecutor({
      longTimeoutMs: 60_000,
      readMountinfo: async () =>
        `${mountIdOf(host.guard.mountpoint)} 1 0:1 / ${host.guard.mountpoint} rw - zfs ${dataset} rw\n`,
    });
    const step: Step = {
      op: 'directory-owner',
      path: host.in('a'),
      guard: host.guard,
      uid: 7,
      gid: 8,
      recursive: true,
    };
    await expect(executor.execute(step, { signal: AbortSignal.abort() })).rejects.toThrow(
      'not finished in time',
    );
    expect(look(host.in('a'))).toMatch(/^5:5 /);
  });

  it('is an error where there is nothing', async () => {
    const host = lab();
    const step: Step = { op: 'directory-mode', path: host.in('none'), guard: host.guard, mode: '0700' };
    await expect(host.run(step)).rejects.toThrow(`${host.in('none')} does not exist`);
  });
});

it('reads the list of mounts as the kernel writes it', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
    '73 28 0:52 / /datapool/my\\040photos rw,noatime shared:33 - zfs datapool/my\\040photos rw,xattr,posixacl',
    'garbage',
    '',
  ].join('\n');
  expect(parseMountinfo(text)).toEqual([
    { id: 36, root: '/mnt1', mountpoint: '/mnt2', type: 'ext3', source: '/dev/root' },
    { id: 73, root: '/', mountpoint: '/datapool/my photos', type: 'zfs', source: 'datapool/my photos' },
  ]);
});
