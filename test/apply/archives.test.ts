import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browseArchive } from '../../observers/archive.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ExecuteOptions, StepProgress } from '../../reconciler/apply/types.ts';
import { archiveComment } from '../../reconciler/owners/comment.ts';
import type { BorgExtractTo } from '../../reconciler/types.ts';
import type { ListedItem } from '../../tools/borg/listing.ts';
import { isMounted, mountArchive } from '../../tools/borg/mount.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { reference } from './backup-fixtures.ts';

/** Real borg on a local folder: what people look for in an archive, and get out of it. */

const folder = mkdtempSync(path.join(tmpdir(), 'archives-'));
const at = (name: string) => path.join(folder, name);
const repository = { ...reference, location: at('repository'), encryption: 'none' };
const archive = 'photo-2026-11-23T02:30:00Z';
const borg = { stateDir: at('state') };

const odd = 'a.b[x] (1)*';

beforeAll(() => {
  mkdirSync(at(`data/${odd}/deep/deeper`), { recursive: true });
  mkdirSync(at('data/a.bX'));
  writeFileSync(at(`data/${odd}/it's here`), 'four');
  writeFileSync(at(`data/${odd}/deep/file`), 'below');
  writeFileSync(at('data/a.bX/other'), 'other');
  writeFileSync(at('data/top'), Buffer.alloc(3_000));
  writeFileSync(at('data/re:top'), 'not a pattern');
  chmodSync(at('data/top'), 0o640);
  symlinkSync('top', at('data/link'));
  const env = { ...process.env, BORG_BASE_DIR: at('other') };
  execFileSync('borg', ['init', '-e', 'none', repository.location], { env });
  execFileSync('borg', ['create', `${repository.location}::${archive}`, '.'], { env, cwd: at('data') });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function look(below: string, take: (item: ListedItem) => Promise<void> | void, recursive = false) {
  return browseArchive({ repository, archive, folder: below, recursive }, borg, take);
}

async function browse(below = '', recursive = false): Promise<ListedItem[]> {
  const items: ListedItem[] = [];
  await look(below, (item) => void items.push(item), recursive);
  return items;
}

const names = (items: ListedItem[]) => items.map((item) => item.path).sort();

describe('an archive', () => {
  it('shows one folder at a time', async () => {
    expect(names(await browse())).toEqual(['a.bX', odd, 'link', 're:top', 'top'].sort());
  });

  it('takes the letters of a folder as they are, not as a pattern', async () => {
    expect(names(await browse(odd))).toEqual([`${odd}/deep`, `${odd}/it's here`]);
  });

  it('shows everything below one where it is asked for', async () => {
    expect(names(await browse(odd, true))).toEqual(
      [`${odd}/deep`, `${odd}/deep/deeper`, `${odd}/deep/file`, `${odd}/it's here`].sort(),
    );
  });

  it('tells mode, owner, size, time and target', async () => {
    const [top] = await browse('top');
    expect(top).toMatchObject({ mode: '-rw-r-----', uid: 0, gid: 0, size: 3_000 });
    expect(Math.abs((top?.modifiedMs ?? 0) - statSync(at('data/top')).mtimeMs)).toBeLessThan(1_000);
    expect((await browse()).find((item) => item.path === 'link')?.target).toBe('top');
  });

  it('has nothing at a path that is not there, which is not an empty folder', async () => {
    const none = () => expect.unreachable();
    expect(await look('tip', none)).toBe(false);
    expect(await look(`${odd}/deep/deeper`, none)).toBe(true);
  });

  it('waits for a slow reader with the next, and ends with one that has enough', async () => {
    let taking = 0;
    const most: number[] = [];
    await look('', async () => {
      taking += 1;
      most.push(taking);
      await new Promise((resolve) => setImmediate(resolve));
      taking -= 1;
    });
    expect(most).toEqual([1, 1, 1, 1, 1]);
    const enough = new Error('enough');
    const seen: string[] = [];
    const stopping = look('', (item) => {
      seen.push(item.path);
      throw enough;
    });
    await expect(stopping).rejects.toBe(enough);
    expect(seen).toHaveLength(1);
  });
});

describe('a repository that is opened for the first time', () => {
  it.each(['borg-init', 'borg-list'] as const)('tells how much is in its newest archive (%s)', async (op) => {
    const facts = await hostExecutor(borg).execute({ op, repository }, {});
    expect(facts?.repository?.archives).toMatchObject([
      { name: archive, size: { files: 5, originalBytes: expect.any(Number) } },
    ]);
    expect(facts?.repository?.archives[0]?.size?.originalBytes).toBeGreaterThan(3_000);
  });

  it('tells of each archive whether it says that somebody asked for it', async () => {
    const location = at('made');
    const env = { ...process.env, BORG_BASE_DIR: at('other') };
    execFileSync('borg', ['init', '-e', 'none', location], { env });
    const numbers = { userns: null, group: null };
    const comments = [archiveComment(['a'], numbers, true), archiveComment(['a'], numbers, false), 'mine'];
    for (const [index, comment] of comments.entries())
      execFileSync('borg', ['create', '--comment', comment, `${location}::a${index}`, '.'], {
        env,
        cwd: at('data'),
      });
    const step = { op: 'borg-list', repository: { ...repository, location } } as const;
    const first = (await hostExecutor(borg).execute(step, {}))?.repository;
    expect(first?.archives.map(({ name, byHand }) => [name, byHand])).toEqual([
      ['a0', true],
      ['a1', false],
      ['a2', null],
    ]);
    const known = { borgId: first?.id ?? '', id: 'borg-repository:photo' as const };
    const later = (await hostExecutor(borg).execute({ ...step, known }, {}))?.repository;
    expect(later?.archives.map(({ byHand }) => byHand)).toEqual([undefined, undefined, undefined]);
  });
});

describe('a copy of it', () => {
  const extract = (over: Partial<BorgExtractTo>, options: ExecuteOptions = {}) =>
    hostExecutor(borg).execute(
      { op: 'borg-extract-to', repository, archive, paths: [], folder: at('out'), ...over },
      options,
    );

  it('is everything in a new folder that only root may enter', async () => {
    await extract({ folder: at('new/all') });
    expect(readdirSync(at('new/all')).sort()).toEqual(['a.bX', odd, 'link', 're:top', 'top'].sort());
    expect(statSync(at('new/all/top')).mode & 0o777).toBe(0o640);
    expect(readFileSync(at(`new/all/${odd}/deep/file`), 'utf8')).toBe('below');
  });

  it('is only what was asked for', async () => {
    await extract({ folder: at('some'), paths: [odd] });
    expect(readdirSync(at('some'))).toEqual([odd]);
    await extract({ folder: at('literal'), paths: ['re:top'] });
    expect(readdirSync(at('literal'))).toEqual(['re:top']);
  });

  it('lacks nothing that was asked for: a path that is not there is said before', async () => {
    await expect(extract({ folder: at('lacking'), paths: ['top', 'tip'] })).rejects.toThrow(
      `${archive} has nothing at tip`,
    );
    expect(readdirSync(at('lacking'))).toEqual([]);
  });

  it('tells how far it is, and how much there is', async () => {
    const told: StepProgress[] = [];
    await extract({ folder: at('told') }, { onProgress: (progress) => told.push(progress) });
    const last = told.at(-1);
    // The archive's root is a path as well.
    expect(last?.files).toBe(11);
    expect(last?.totalBytes).toBe(3_030);
    // Borg tells every thousandth part of it.
    expect(last?.bytes).toBeGreaterThan(3_020);
  });

  it('never mixes with what is there', async () => {
    mkdirSync(at('full'));
    writeFileSync(at('full/mine'), 'mine');
    await expect(extract({ folder: at('full') })).rejects.toThrow(
      `${at('full')} is not empty (mine); give a new folder`,
    );
    expect(readdirSync(at('full'))).toEqual(['mine']);
  });

  it('that cannot be finished says where the rest is', async () => {
    const [segment = ''] = execFileSync('find', [at('repository/data'), '-type', 'f', '-size', '+1k'], {
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
    const whole = readFileSync(segment);
    const damaged = Buffer.from(whole);
    const middle = whole.indexOf('below');
    damaged.write('BELOW', middle > 0 ? middle : Math.floor(whole.length / 2));
    writeFileSync(segment, damaged);
    try {
      await expect(extract({ folder: at('broken') })).rejects.toThrow(at('broken'));
      expect(existsSync(at('broken'))).toBe(true);
    } finally {
      writeFileSync(segment, whole);
    }
  });
});

describe('a mount of it', () => {
  it('can be looked at until it is told to end, and leaves an empty folder', async () => {
    const place = at('mounted');
    mkdirSync(place);
    const stop = new AbortController();
    let seen: string[] = [];
    const target = { repository, archive, folder: place };
    await mountArchive(target, { ...borg, signal: stop.signal }, () => {
      seen = readdirSync(place).sort();
      stop.abort();
    });
    expect(seen).toEqual(['a.bX', odd, 'link', 're:top', 'top'].sort());
    expect(await isMounted(place)).toBe(false);
    expect(readdirSync(place)).toEqual([]);
  });

  it('of an archive that is not there says so', async () => {
    const target = { repository, archive: 'photo-1999', folder: at('nowhere') };
    mkdirSync(target.folder);
    const { signal } = new AbortController();
    await expect(mountArchive(target, { ...borg, signal }, () => {})).rejects.toThrow(
      /there is no archive of this name|photo-1999 does not exist/,
    );
  });

  it('ends borg where it is told to stop before that has opened the repository', async () => {
    const stop = new AbortController();
    const opening = '{"type":"log_message","levelname":"WARNING","name":"borg","message":"opening"}';
    const slow = fakeTool(`echo '${opening}' >&2; exec sleep 5`);
    const target = { repository, archive, folder: at('unopened') };
    mkdirSync(target.folder);
    const options = { ...borg, borg: slow.command, signal: stop.signal, onWarning: () => stop.abort() };
    await expect(mountArchive(target, options, () => {})).rejects.toThrow(
      'borg was ended: Steward was told to stop',
    );
  });
});
