import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { callBorg } from '../../tools/borg/call.ts';
import { clearDamagedCache } from '../../tools/borg/damaged-cache.ts';
import { emptyLog } from '../../tools/borg/log.ts';
import type { BorgRepository } from '../../tools/borg/types.ts';

/** What a power cut may leave of the real Borg's cache: without mending, no call would succeed ever again. */
const root = mkdtempSync(join(tmpdir(), 'damaged-cache-'));
const [stateDir, kept] = [join(root, 'state'), join(root, 'kept')];
const repository: BorgRepository = {
  ...{
    location: join(root, 'repository'),
    encryption: 'repokey-blake2',
    passphraseFile: join(root, 'words'),
  },
  ...{ identity: null, knownHosts: null, keysDirectory: null },
};
const call = (...args: string[]) => callBorg(args, repository, { stateDir });
const caches = () =>
  readdirSync(join(stateDir, 'borg/.cache/borg')).filter((name) => /^[0-9a-f]{64}$/.test(name));
const inCache = (name: string) => join(stateDir, 'borg/.cache/borg', caches()[0] ?? '', name);
let archives = 0;

beforeAll(async () => {
  writeFileSync(join(root, 'words'), 'correct horse\n', { mode: 0o600 });
  mkdirSync(stateDir);
  await call('init', '--encryption', 'repokey-blake2', repository.location);
  await call('create', `${repository.location}::first`, join(root, 'words'));
  cpSync(stateDir, kept, { recursive: true });
});

beforeEach(() => {
  rmSync(stateDir, { recursive: true });
  cpSync(kept, stateDir, { recursive: true });
});

afterAll(() => rmSync(root, { recursive: true }));

describe.each(['config', 'chunks'])('its %s', (file) => {
  it.each<[string, () => void]>([
    ['is empty', () => writeFileSync(inCache(file), '')],
    ['is garbage', () => writeFileSync(inCache(file), Buffer.alloc(500, 0xfe))],
    ['is gone', () => rmSync(inCache(file))],
  ])('%s: the cache is made anew, and the archive is made', async (_what, damage) => {
    damage();
    archives += 1;
    const { exitCode } = await call('create', `${repository.location}::a${archives}`, join(root, 'words'));
    expect(exitCode).toBe(0);
    const { stdout } = await call('list', '--short', repository.location);
    expect(stdout).toContain(`a${archives}`);
    expect(readdirSync(inCache(''))).toContain(file);
  });
});

it('that it was made anew is told with the step', async () => {
  const ref = { ...repository, appendOnly: false };
  const step: Step = { op: 'borg-delete', repository: ref, archives: ['nowhere'], onlyAfter: null };
  const executor = hostExecutor({ stateDir });
  expect((await executor.execute(step, {}))?.notes).toBeUndefined();
  rmSync(inCache('config'));
  const facts = await executor.execute(step, {});
  expect(facts?.notes).toEqual([
    `Borg's cache of ${repository.location} was damaged, as a power cut leaves it; it was removed and is made again out of the repository, which takes longer this once`,
  ]);
});

it('what Borg remembers of a repository to notice another one in its place stays', async () => {
  const security = () => readdirSync(join(stateDir, 'borg/.config/borg/security'));
  const before = security();
  rmSync(inCache('config'));
  await call('list', repository.location);
  expect(security()).toEqual(before);
});

describe('no cache is removed', () => {
  const traceback = (end: string) => `Traceback:\n  File "/usr/lib/borg/cache.py", line 5, in open\n${end}`;
  const cleared = (error: string, msgid: string | null = 'Exception') =>
    clearDamagedCache({ ...emptyLog(), error, msgid }, repository.location, join(stateDir, 'borg'));

  it.each([
    ['the disk is full', traceback("OSError: [Errno 28] No space left on device: 'x'"), 'Exception'],
    ['the disk fails', traceback('OSError: [Errno 5] Input/output error'), 'Exception'],
    ['there is no memory', traceback('MemoryError'), 'Exception'],
    ['it is the cache of the server', `Remote: ${traceback('ValueError: x')}`, 'Exception'],
    ['the repository is damaged', traceback('IntegrityError: x'), 'IntegrityError'],
    ['it fell over something else', 'Traceback:\n  File "/borg/archiver.py"\nValueError: x', 'Exception'],
  ])('where %s', async (_what, error, msgid) => {
    expect(await cleared(error, msgid)).toBe(false);
    expect(caches()).toHaveLength(1);
  });

  it('but for the one that it is about', async () => {
    mkdirSync(join(stateDir, 'borg/.cache/borg', 'f'.repeat(64)));
    expect(await cleared(traceback('ValueError: x'))).toBe(true);
    expect(caches()).toEqual(['f'.repeat(64)]);
    expect(await cleared(traceback('ValueError: x'))).toBe(false);
  });
});
