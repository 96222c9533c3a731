import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { extractLab, owners } from './extract-lab.ts';

/** Files that nobody may change until `chattr -i` was said, which Borg keeps and restores. */

const { mountpoint, guard, executor, archive, extract, remove } = extractLab();
const folder = path.join(mountpoint, 'conf');
const file = path.join(folder, 'locked.cfg');

function free(): void {
  execFileSync('mkdir', ['-p', mountpoint]);
  execFileSync('chattr', ['-R', '-i', '-a', mountpoint]);
  rmSync(mountpoint, { recursive: true });
}

function fill(): void {
  free();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, 'kept');
  execFileSync('chattr', ['+i', file]);
}

beforeAll(() => {
  fill();
  archive();
});
beforeEach(fill);
afterAll(() => {
  free();
  remove();
});

describe('an immutable file', () => {
  const refused = `${file} may not be changed: it or its folder is immutable or append-only; chattr -R -i -a on that folder takes it away`;

  it('that a restore is to replace is named, with what to do', async () => {
    await expect(extract()).rejects.toMatchObject({ name: 'StepError', message: refused });
    execFileSync('chattr', ['-R', '-i', '-a', folder]);
    await extract();
    expect(execFileSync('lsattr', [file], { encoding: 'utf8' })).toMatch(/^-+i/);
  });

  it('that is to get another owner is named, with what to do', async () => {
    const step = { op: 'directory-owner' as const, path: folder, guard, uid: 7, gid: 7, recursive: true };
    await expect(executor().execute(step, {})).rejects.toThrow(refused);
  });

  it('is recovered where owners move, as often as it takes, and may be changed then', async () => {
    free();
    mkdirSync(mountpoint);
    for (let time = 0; time < 2; time += 1) {
      await extract({ owners });
      expect(readFileSync(file, 'utf8')).toBe('kept');
      expect(lstatSync(file).uid).toBe(100_000);
    }
  });
});
