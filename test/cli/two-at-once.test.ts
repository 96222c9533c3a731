import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeLock } from '../../reconciler/state/lock.ts';
import { type Lab, newLab } from './lab.ts';
import { ended, expectRefusal, start, steward } from './steward.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await newLab(['blog']);
  mkdirSync(lab.stateDir);
});
afterAll(() => lab.remove());

/** This process has the lock, as another steward would. */
function holdLock() {
  const result = takeLock(lab.stateDir, { command: 'reconcile', sinceMs: Date.now() }, 0);
  if (!result.ok) throw new Error('somebody has the lock');
  return result.lock;
}

it('the second says who is at work when its time to wait is over', async () => {
  const lock = holdLock();
  try {
    const result = await steward(['reconcile', '--once', '--wait', '1', ...lab.flags]);
    expectRefusal(result, new RegExp(`steward reconcile \\(pid ${process.pid}, since .*at work`));
  } finally {
    lock.release();
  }
});

it.each([
  [['reconcile', '--once', '--wait', '50'], 'applied'],
  [['retry', 'blog'], 'blog is tried again'],
])('%s waits, says for whom, and goes on when the first is done', async (args, words) => {
  const lock = holdLock();
  const child = start([...args, ...(args[0] === 'retry' ? lab.kept : lab.flags)]);
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (text: Buffer) => {
      if (String(text).includes('Waiting for')) resolve();
    });
    child.once('exit', () => resolve());
  });
  lock.release();
  const { code, stdout, stderr } = await ended(child);
  expect(stderr).toContain(`Waiting for steward reconcile (pid ${process.pid}`);
  expect(stdout).toContain(words);
  expect(code).toBe(0);
});
