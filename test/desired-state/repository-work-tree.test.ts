import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRepository } from '../../desired-state/repository.ts';
import {
  makeOrigin,
  type Opened,
  type Origin,
  opened,
  synced,
  temporaryDirectory,
} from './repository-fixture.ts';

const files = { 'lab.yaml': 'one\n', 'services/git/Caddyfile': 'a\n', 'services/git/other': 'b\n' };

async function promoted(): Promise<Opened & { origin: Origin; id: string }> {
  const origin = await makeOrigin(files);
  const open = opened(origin.work);
  const id = await synced(open.repository);
  await open.repository.promote(id);
  return { ...open, origin, id };
}

describe('promote', () => {
  it('replaces only what changed, in place, and leaves untracked files alone', async () => {
    const { repository, checkout, origin } = await promoted();
    const inode = (name: string) => statSync(path.join(checkout, name)).ino;
    const before = ['services', 'services/git', 'services/git/other'].map(inode);
    writeFileSync(path.join(checkout, 'services/git/data'), 'untracked');
    await origin.commit({ 'services/git/Caddyfile': 'changed\n' });
    const next = await origin.commit({ 'lab.yaml': null });
    await synced(repository);
    expect(await repository.promote(next)).toBe(checkout);
    expect(readFileSync(path.join(checkout, 'services/git/Caddyfile'), 'utf8')).toBe('changed\n');
    expect(existsSync(path.join(checkout, 'lab.yaml'))).toBe(false);
    expect(existsSync(path.join(checkout, 'services/git/data'))).toBe(true);
    expect(['services', 'services/git', 'services/git/other'].map(inode)).toEqual(before);
    expect(await repository.promoted()).toBe(next);
  });

  it.each<[string, (checkout: string) => void, string[]]>([
    ['edited', (at) => writeFileSync(path.join(at, 'lab.yaml'), 'two\n'), ['lab.yaml']],
    ['deleted', (at) => rmSync(path.join(at, 'lab.yaml')), ['lab.yaml']],
    ['made executable', (at) => chmodSync(path.join(at, 'lab.yaml'), 0o755), ['lab.yaml']],
    [
      'turned into a link',
      (at) => {
        rmSync(path.join(at, 'lab.yaml'));
        symlinkSync('/etc/passwd', path.join(at, 'lab.yaml'));
      },
      ['lab.yaml'],
    ],
    [
      'whose folder is gone',
      (at) => rmSync(path.join(at, 'services'), { recursive: true }),
      ['services/git/Caddyfile', 'services/git/other'],
    ],
    ['merely touched', (at) => utimesSync(path.join(at, 'lab.yaml'), 1, 1), []],
  ])('repairs a file that was %s', async (_how, harm, names) => {
    const { repository, checkout, id } = await promoted();
    harm(checkout);
    expect(await repository.drifted(id)).toEqual(names);
    await repository.promote(id);
    expect(await repository.drifted(id)).toEqual([]);
    for (const [name, text] of Object.entries(files)) {
      expect(readFileSync(path.join(checkout, name), 'utf8')).toBe(text);
      expect(lstatSync(path.join(checkout, name)).mode & 0o777).toBe(0o644);
    }
  });

  it('does not write through a folder that was replaced by a link to elsewhere', async () => {
    const { repository, checkout, id } = await promoted();
    const elsewhere = temporaryDirectory();
    rmSync(path.join(checkout, 'services/git'), { recursive: true });
    symlinkSync(elsewhere, path.join(checkout, 'services/git'));
    await repository.promote(id);
    expect(existsSync(path.join(elsewhere, 'Caddyfile'))).toBe(false);
    expect(await repository.drifted(id)).toEqual([]);
  });

  it('turns a file into a folder and back', async () => {
    const { repository, checkout, origin } = await promoted();
    await origin.commit({ 'lab.yaml': null });
    const folder = await origin.commit({ 'lab.yaml/part': 'x\n' });
    await synced(repository);
    await repository.promote(folder);
    expect(readFileSync(path.join(checkout, 'lab.yaml/part'), 'utf8')).toBe('x\n');
    await origin.commit({ 'lab.yaml': null });
    const file = await origin.commit({ 'lab.yaml': 'back\n' });
    await synced(repository);
    await repository.promote(file);
    expect(readFileSync(path.join(checkout, 'lab.yaml'), 'utf8')).toBe('back\n');
  });

  it('refuses to bury files that Git does not know under a file of the commit', async () => {
    const { repository, checkout, origin } = await promoted();
    mkdirSync(path.join(checkout, 'data'));
    writeFileSync(path.join(checkout, 'data/photo'), 'precious');
    const next = await origin.commit({ data: 'a file\n' });
    await synced(repository);
    await expect(repository.promote(next)).rejects.toThrow('data/photo in that folder is not in Git');
    expect(readFileSync(path.join(checkout, 'data/photo'), 'utf8')).toBe('precious');
    expect(await repository.promoted()).toBeNull();
  });

  it.each<[string, (state: string) => void]>([
    ['the marker was removed', () => {}],
    [
      'some files were written',
      (at) => {
        writeFileSync(path.join(at, 'checkout/lab.yaml'), 'tw');
        writeFileSync(path.join(at, 'checkout/new'), 'ne');
      },
    ],
    ['an old file was removed', (at) => rmSync(path.join(at, 'checkout/services/git/other'))],
    ['the index was locked', (at) => writeFileSync(path.join(at, 'checkout.index.lock'), 'half')],
    ['the index was lost', (at) => rmSync(path.join(at, 'checkout.index'))],
    ['the index was cut', (at) => writeFileSync(path.join(at, 'checkout.index'), 'DIRC')],
    ['the index was emptied', (at) => writeFileSync(path.join(at, 'checkout.index'), '')],
    ['nothing was there yet', (at) => rmSync(path.join(at, 'checkout'), { recursive: true })],
  ])('killed after %s, it converges', async (_when, leave) => {
    const { stateDir, origin, repository, id } = await promoted();
    const next = await origin.commit({ 'lab.yaml': 'two\n', new: 'new\n' });
    await synced(repository);
    rmSync(path.join(stateDir, 'checkout.commit'));
    leave(stateDir);
    const restarted = opened(origin.work, { stateDir }).repository;
    expect(await restarted.promoted()).toBeNull();
    expect(await restarted.lastGood()).toMatchObject({ id, branch: 'main' });
    await restarted.promote(next);
    expect(await restarted.lastGood()).toMatchObject({ id: next });
    expect(await restarted.promoted()).toBe(next);
    expect(await restarted.drifted(next)).toEqual([]);
  });

  it('gives files that containers can read, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const { checkout, stateDir } = await promoted();
      const modes = [stateDir, checkout, path.join(checkout, 'services'), path.join(checkout, 'lab.yaml')];
      expect(modes.map((file) => (statSync(file).mode & 0o777).toString(8))).toEqual([
        '711',
        '755',
        '755',
        '644',
      ]);
    } finally {
      process.umask(before);
    }
  });
});

describe('stage', () => {
  it('is exactly the commit, without what somebody left there, and leaves the checkout alone', async () => {
    const { repository, origin, checkout } = await promoted();
    const root = await repository.stage(await origin.commit({ a: '1\n' }).then(() => synced(repository)));
    expect(root).toBe(repository.stagingRoot);
    mkdirSync(path.join(root, 'x/.git'), { recursive: true });
    writeFileSync(path.join(root, 'x/y'), '');
    writeFileSync(path.join(root, 'a'), 'edited');
    await repository.stage(await synced(repository));
    expect([existsSync(path.join(root, 'x')), readFileSync(path.join(root, 'a'), 'utf8')]).toEqual([
      false,
      '1\n',
    ]);
    expect(existsSync(path.join(checkout, 'a'))).toBe(false);
  });

  it('is in force only for a sub-path that it has', async () => {
    const origin = await makeOrigin({ 'lab/lab.yaml': '1\n' });
    const { repository, stateDir } = opened(origin.work, { path: 'lab' });
    const id = await synced(repository);
    await repository.promote(id);
    expect(await repository.promoted()).toBe(id);
    const elsewhere = openRepository({ url: origin.work, stateDir, path: 'lba' });
    expect(await elsewhere.promoted()).toBeNull();
    await expect(elsewhere.stage(id)).rejects.toThrow('has no folder "lba"');
    expect(await repository.promoted()).toBe(id);
  });

  it('gives the sub-path, and a sentence where the commit has none or a link out of it', async () => {
    const origin = await makeOrigin({ 'lab/lab.yaml': '1\n' });
    const { repository, stateDir } = opened(origin.work, { path: 'lab' });
    expect(await repository.stage(await synced(repository))).toBe(path.join(stateDir, 'staging/tree/lab'));
    rmSync(path.join(origin.work, 'lab'), { recursive: true });
    symlinkSync('/etc', path.join(origin.work, 'lab'));
    await origin.commit({});
    const linked = await synced(repository);
    await expect(repository.stage(linked)).rejects.toThrow('has no folder "lab"');
    await origin.commit({ lab: null });
    await expect(repository.stage(await synced(repository))).rejects.toThrow('has no folder "lab"');
  });

  it('runs nothing that comes with the repository or the user', async () => {
    const trap = path.join(temporaryDirectory(), 'ran');
    const { origin, repository, stateDir } = await promoted();
    const config = `[filter "x"]\n\tsmudge = "touch ${trap}"\n[core]\n\tfsmonitor = "touch ${trap}"\n`;
    const home = temporaryDirectory();
    writeFileSync(path.join(home, '.gitconfig'), config);
    for (const directory of ['hooks', 'repository.git/hooks'])
      mkdirSync(path.join(stateDir, directory), { recursive: true });
    for (const hook of ['post-checkout', 'post-index-change', 'reference-transaction']) {
      writeFileSync(path.join(stateDir, 'repository.git/hooks', hook), `#!/bin/sh\ntouch ${trap}\n`, {
        mode: 0o755,
      });
    }
    const oldHome = process.env.HOME;
    process.env.HOME = home;
    try {
      await origin.commit({ '.gitattributes': '* filter=x\n', 'lab.yaml': 'filtered\n' });
      await repository.promote(await synced(repository));
    } finally {
      process.env.HOME = oldHome;
    }
    expect(existsSync(trap)).toBe(false);
  });
});
