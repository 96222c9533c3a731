import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type fs from 'node:fs/promises';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Repository } from '../../desired-state/repository.ts';
import { makeOrigin, opened, synced } from './repository-fixture.ts';

vi.mock('node:fs/promises', { spy: true });

describe('a damaged object store is made anew while the work trees stay', () => {
  const damages: [string, (store: string) => void][] = [
    ['removed', (store) => rmSync(store, { recursive: true })],
    [
      'an empty folder',
      (store) => {
        rmSync(store, { recursive: true });
        mkdirSync(store);
      },
    ],
    [
      'a file',
      (store) => {
        rmSync(store, { recursive: true });
        writeFileSync(store, '');
      },
    ],
    ['without HEAD', (store) => rmSync(path.join(store, 'HEAD'))],
    ['with an empty config', (store) => truncateSync(path.join(store, 'config'))],
    ['with garbage in its config', (store) => writeFileSync(path.join(store, 'config'), '[[[')],
    [
      'with cut objects',
      (store) => {
        for (const file of objects(store)) {
          chmodSync(file, 0o600);
          truncateSync(file, 10);
        }
      },
    ],
    [
      'without objects',
      (store) => {
        for (const file of objects(store)) rmSync(file);
      },
    ],
    [
      'with empty refs',
      (store) => {
        for (const name of ['head', 'incoming']) truncateSync(path.join(store, 'refs/steward', name));
      },
    ],
    ['locked by the dead', (store) => writeFileSync(path.join(store, 'refs/steward/incoming.lock'), '')],
    [
      'beside half a new one',
      (store) => {
        rmSync(store, { recursive: true });
        mkdirSync(`${store}.new/objects`, { recursive: true });
        mkdirSync(`${store}.broken`);
      },
    ],
  ];
  it.each(damages)('%s', async (_name, damage) => {
    const origin = await makeOrigin();
    const { repository, stateDir, checkout } = opened(origin.work);
    await repository.promote(await synced(repository));
    const { ino } = statSync(path.join(checkout, 'lab.yaml'));
    damage(path.join(stateDir, 'repository.git'));
    const next = await origin.commit({ 'new.yaml': 'two\n' });
    const restarted = opened(origin.work, { stateDir }).repository;
    expect(await synced(restarted)).toBe(next);
    expect(statSync(path.join(checkout, 'lab.yaml')).ino).toBe(ino);
    await restarted.promote(next);
    expect(await restarted.drifted(next)).toEqual([]);
    expect(statSync(path.join(checkout, 'lab.yaml')).ino).toBe(ino);
    expect(readdirSync(stateDir).filter((name) => /\.(new|broken)$/.test(name))).toEqual([]);
  });

  it.each<[string, (store: string) => void]>([
    ['a lock of the dead', (store) => writeFileSync(path.join(store, 'refs/steward/incoming.lock'), '')],
    ['a cut while a new one took its place', (store) => renameSync(store, `${store}.broken`)],
  ])('keeps what is in force, which the remote may not have any more, after %s', async (_what, damage) => {
    const origin = await makeOrigin();
    const { repository, stateDir } = opened(origin.work);
    const inForce = await synced(repository);
    await repository.promote(inForce);
    damage(path.join(stateDir, 'repository.git'));
    const next = await origin.commit({ 'new.yaml': 'two\n' });
    const restarted = opened(origin.work, { stateDir }).repository;
    expect(await synced(restarted)).toBe(next);
    expect(readdirSync(await restarted.stage(inForce))).toEqual(['lab.yaml']);
  });

  it.each([[[1]], [[2]], [[2, 1]], [[2, 2]], [[2, 3]], [[2, 3, 3]]])(
    'keeps what is in force also while the remote is away, where each start is cut at rename %j',
    async (cuts) => {
      const origin = await makeOrigin();
      const { repository, stateDir } = opened(origin.work);
      const inForce = await synced(repository);
      await repository.promote(inForce);
      writeFileSync(path.join(stateDir, 'repository.git/refs/steward/incoming.lock'), '');
      const next = await origin.commit({ 'new.yaml': 'two\n' });
      for (const at of cuts) await cutAt(at, stateDir, () => opened(origin.work, { stateDir }).repository);
      renameSync(origin.work, `${origin.work}.away`);
      const restarted = opened(origin.work, { stateDir }).repository;
      expect(await restarted.sync()).toMatchObject({ ok: false, commit: { id: inForce } });
      expect(await restarted.lastGood()).toMatchObject({ id: inForce });
      expect(await restarted.drifted(inForce)).toEqual([]);
      expect(readdirSync(await restarted.stage(inForce))).toEqual(['lab.yaml']);
      renameSync(`${origin.work}.away`, origin.work);
      expect(await synced(restarted)).toBe(next);
      expect(readdirSync(await restarted.stage(inForce))).toEqual(['lab.yaml']);
      expect(readdirSync(stateDir).filter((name) => /\.(new|broken)$/.test(name))).toEqual([]);
    },
  );

  it('is noticed after a restart although the ref did not move', async () => {
    const origin = await makeOrigin();
    const { repository, stateDir } = opened(origin.work);
    const id = await synced(repository);
    for (const file of objects(path.join(stateDir, 'repository.git'))) rmSync(file);
    const restarted = opened(origin.work, { stateDir }).repository;
    expect(await restarted.sync()).toMatchObject({ ok: true, changed: false, commit: { id } });
    await restarted.stage(id);
  });

  it('is mended in the same process by the sync after the failure it caused', async () => {
    const origin = await makeOrigin();
    const { repository, stateDir } = opened(origin.work);
    const id = await synced(repository);
    for (const file of objects(path.join(stateDir, 'repository.git'))) rmSync(file);
    await expect(repository.stage(id)).rejects.toMatchObject({ name: 'RepositoryError' });
    await synced(repository);
    expect(existsSync(path.join(await repository.stage(id), 'lab.yaml'))).toBe(true);
  });
});

/** Syncs until the store is about to be renamed for that time, and goes no further, as where the power fails. */
async function cutAt(at: number, stateDir: string, open: () => Repository): Promise<void> {
  const { rename: really } = await vi.importActual<typeof fs>('node:fs/promises');
  let left = at;
  await new Promise<void>((reached, failed) => {
    vi.mocked(rename).mockImplementation(async (from, to) => {
      if (!String(from).startsWith(path.join(stateDir, 'repository.git'))) return really(from, to);
      left -= 1;
      if (left > 0) return really(from, to);
      reached();
      return new Promise<void>(() => {});
    });
    open()
      .sync()
      .then(() => failed(new Error(`there is no rename ${at}`)), failed);
  });
  vi.mocked(rename).mockReset();
}

function objects(store: string): string[] {
  const found = readdirSync(path.join(store, 'objects'), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}
