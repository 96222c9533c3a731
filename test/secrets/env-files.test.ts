import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { run } from '../../tools/run.ts';
import { clearLeftovers, withPrivateFiles } from '../../tools/secrets/env-files.ts';
import { anyMemory } from './keys.ts';

let runDir: string;
beforeEach(() => {
  runDir = mkdtempSync(path.join(tmpdir(), 'steward-run-'));
});
const memory = () => ({ runDir, ...anyMemory });
const left = () => readdirSync(path.join(runDir, 'env'));

it('the files hold the texts for nobody else, and are gone afterwards', async () => {
  const seen = await withPrivateFiles(['A=1\n', 'B=2\n'], memory(), async (files) => {
    const modes = [...files, path.dirname(files[0] ?? ''), path.join(runDir, 'env')].map(
      (file) => statSync(file).mode & 0o777,
    );
    expect(modes).toEqual([0o600, 0o600, 0o700, 0o700]);
    return files.map((file) => readFileSync(file, 'utf8'));
  });
  expect(seen).toEqual(['A=1\n', 'B=2\n']);
  expect(left()).toEqual([]);
});

it('they are gone when the call fails', async () => {
  const failing = withPrivateFiles(['A=1\n'], memory(), () => Promise.reject(new Error('compose failed')));
  await expect(failing).rejects.toThrow('compose failed');
  expect(left()).toEqual([]);
});

it('nothing is written to a disk', async () => {
  const onDisk = withPrivateFiles(['A=1\n'], { runDir, isInMemory: async () => false }, async () => {});
  await expect(onDisk).rejects.toThrow('is not in memory (tmpfs), and secrets are not written to a disk');
  expect(left()).toEqual([]);
});

it.runIf(existsSync('/dev/shm'))('memory is told from a disk by what the kernel says', async () => {
  const inMemory = mkdtempSync('/dev/shm/steward-test-');
  await withPrivateFiles(['A=1\n'], { runDir: inMemory }, async ([file = '']) => {
    expect(readFileSync(file, 'utf8')).toBe('A=1\n');
  });
  await run('rm', ['-r', inMemory]);
});

it('a folder that others can enter, or that leads elsewhere, is refused', async () => {
  mkdirSync(path.join(runDir, 'env'), { mode: 0o755 });
  await expect(withPrivateFiles(['A=1'], memory(), async () => {})).rejects.toThrow('nobody else may enter');
  const elsewhere = mkdtempSync(path.join(tmpdir(), 'steward-run-'));
  symlinkSync(runDir, path.join(elsewhere, 'env'));
  const linked = withPrivateFiles(['A=1'], { ...memory(), runDir: elsewhere }, async () => {});
  await expect(linked).rejects.toThrow('nobody else may enter');
  chmodSync(elsewhere, 0o777);
  const open = withPrivateFiles(['A=1'], { ...memory(), runDir: elsewhere }, async () => {});
  await expect(open).rejects.toThrow('nobody else may write to');
});

it('what a killed process has left goes, what is in use stays', async () => {
  const script = `
    import { withPrivateFiles } from ${JSON.stringify(path.resolve('tools/secrets/env-files.ts'))};
    await withPrivateFiles(['A=1'], { runDir: process.argv[1], isInMemory: async () => true }, async () => {
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    });`;
  await expect(run(process.execPath, ['--input-type=module', '-e', script, runDir])).rejects.toThrow(
    'SIGKILL',
  );
  expect(left()).toHaveLength(1);
  writeFileSync(path.join(runDir, 'env', 'odd'), 'A=1');
  await withPrivateFiles(['B=2\n'], memory(), async ([file = '']) => {
    expect(left()).toHaveLength(1);
    expect(clearLeftovers(runDir)).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('B=2\n');
  });
  expect(left()).toEqual([]);
});

it('they are gone when the process ends by itself in the middle', async () => {
  const script = `
    import { withPrivateFiles } from ${JSON.stringify(path.resolve('tools/secrets/env-files.ts'))};
    await withPrivateFiles(['A=1'], { runDir: process.argv[1], isInMemory: async () => true }, async () => process.exit(3));`;
  expect((await run(process.execPath, ['--input-type=module', '-e', script, runDir])).exitCode).toBe(3);
  expect(left()).toEqual([]);
});
