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
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeOrigin, opened, synced } from './repository-fixture.ts';

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

function objects(store: string): string[] {
  const found = readdirSync(path.join(store, 'objects'), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}
