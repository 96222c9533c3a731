import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, newLab } from './lab.ts';
import { binary, ended, start } from './steward.ts';

/** Who reads what a command prints may go, or have no room left for it. */

let lab: Lab;
beforeAll(async () => {
  lab = await newLab(['blog']);
});
afterAll(() => lab.remove());

it('what a command does goes on when nobody reads any more', async () => {
  const child = start(['reconcile', '--once', ...lab.flags]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  expect((await ended(child)).code).toBe(0);
  const { stdout } = await ended(start(['status', ...lab.kept]));
  expect(stdout).toMatch(/^blog +in-sync/m);
});

it('a full disk behind > is said, and is not success', async () => {
  const command = `"${process.execPath}" "${binary}" schema lab > /dev/full`;
  const { exitCode, stderr } = await execa('sh', ['-c', command], { reject: false, timeout: 60_000 });
  expect(stderr).toMatch(/^steward: what there was to say could not be written: ENOSPC/);
  expect(exitCode).toBe(1);
});
