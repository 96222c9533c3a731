import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runOk } from '../../tools/run.ts';
import {
  makeOrigin,
  type Origin,
  opened,
  refused,
  synced,
  temporaryDirectory,
} from './repository-fixture.ts';
import { stallingRemote } from './stalling-remote.ts';

const gibibyte = 1024 ** 3;
const disk = (freeBytes: number) => async () => ({ freeBytes, totalBytes: 20 * gibibyte });

/** Nothing of it can be made smaller. */
const noise = (bytes: number) => randomBytes(bytes / 2).toString('hex');

/** A state directory that follows `origin` already. */
async function followed(origin: Origin): Promise<string> {
  const { repository, stateDir } = opened(origin.work);
  await repository.promote(await synced(repository));
  return stateDir;
}

function storeFiles(stateDir: string): string[] {
  const store = path.join(stateDir, 'repository.git');
  const found = readdirSync(store, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map((each) => path.join(each.parentPath, each.name));
}

const sizeOf = (stateDir: string) => storeFiles(stateDir).reduce((sum, file) => sum + statSync(file).size, 0);
const halves = (stateDir: string) => storeFiles(stateDir).filter((file) => /\/\.?tmp[_-]/.test(file));

describe('a fetch that does not come to its end', () => {
  it('leaves nothing of what it got, and is not begun a second time at once', async () => {
    const origin = await makeOrigin();
    const stateDir = await followed(origin);
    await origin.commit({ 'big.txt': noise(2_000_000) });
    await using remote = await stallingRemote(origin.work);
    const before = sizeOf(stateDir);
    const { repository } = opened(remote.url, { stateDir, timeoutMs: 2_000 });
    for (const packs of [1, 2]) {
      expect((await refused(repository)).error).toContain('no answer within 2 s');
      expect(remote.packs).toBe(packs);
      expect(halves(stateDir)).toEqual([]);
      expect(sizeOf(stateDir)).toBeLessThan(before + 10_000);
    }
  });

  it('nor does one that a kill has ended, once there is another', async () => {
    const origin = await makeOrigin();
    const stateDir = await followed(origin);
    const left = [
      'objects/pack/tmp_pack_a1b2c3',
      'objects/pack/tmp_idx_a1b2c3',
      'objects/pack/.tmp-7-pack-ab.pack',
    ];
    for (const name of left) writeFileSync(path.join(stateDir, 'repository.git', name), 'half');
    await origin.commit({ 'new.yaml': 'two\n' });
    await synced(opened(origin.work, { stateDir }).repository);
    expect(halves(stateDir)).toEqual([]);
  });
});

describe('room for the state', () => {
  it('is kept: nothing is fetched where little is free, and the commit that is known stays', async () => {
    const origin = await makeOrigin();
    const stateDir = await followed(origin);
    const known = await origin.git('rev-parse', 'HEAD');
    const few = opened(origin.work, { stateDir, readRoom: disk(gibibyte / 8) }).repository;
    expect(await few.sync()).toMatchObject({ ok: true, changed: false });
    const next = await origin.commit({ 'new.yaml': 'two\n' });
    expect(await refused(few)).toMatchObject({
      retryable: true,
      commit: { id: known.trim() },
      error: `no space left to fetch into ${stateDir}: 128.0 MiB are free on that disk, and 256.0 MiB stay so; make room there`,
    });
    const enough = opened(origin.work, { stateDir, readRoom: disk(gibibyte) }).repository;
    expect(await synced(enough)).toBe(next);
  });

  it('is kept while a commit comes in that is larger than the disk', async () => {
    const origin = await makeOrigin();
    const stateDir = await followed(origin);
    await origin.commit({ 'big.txt': noise(2_000_000) });
    await using remote = await stallingRemote(origin.work);
    // As the disk is while the fetch writes to it.
    const readRoom = () => disk(remote.packs === 0 ? gibibyte : gibibyte / 8)();
    const { repository } = opened(remote.url, { stateDir, readRoom });
    expect((await refused(repository)).error).toContain('128.0 MiB are free on that disk');
    expect(halves(stateDir)).toEqual([]);
  });
});

describe('commits that are not signed', () => {
  it('take no more room than the newest of them, and what is in force can be read', async () => {
    const origin = await makeOrigin();
    const stateDir = await followed(origin);
    const good = (await origin.git('rev-parse', 'HEAD')).trim();
    const key = path.join(temporaryDirectory(), 'ada');
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const signers = `${key}.allowed`;
    writeFileSync(signers, `ada@example.org ${readFileSync(`${key}.pub`, 'utf8')}`, { mode: 0o644 });
    const { repository } = opened(origin.work, { stateDir, allowedSigners: [signers] });
    for (const name of ['a', 'b', 'c', 'd']) {
      await origin.commit({ 'big.txt': noise(2_000_000), name });
      expect((await refused(repository)).error).toContain('it is not signed');
      expect(sizeOf(stateDir)).toBeLessThan(1_700_000);
    }
    expect(await repository.drifted(good)).toEqual([]);
    await origin.git('reset', '-q', '--hard', good);
    expect(await synced(opened(origin.work, { stateDir }).repository)).toBe(good);
  });
});
