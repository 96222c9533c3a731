import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { locked } from '../../cli/locked.ts';
import { type Lock, takeLock } from '../../reconciler/state/lock.ts';

/** This process has the lock already, as a daemon has whose backup has stopped something. */

let stateDir: string;
let held: Lock | null;

beforeEach(() => {
  stateDir = mkdtempSync(path.join(tmpdir(), 'locked-'));
  const result = takeLock(stateDir, { command: 'reconcile', sinceMs: Date.now() }, 0);
  if (!result.ok) throw new Error('somebody has the lock');
  held = result.lock;
  return () => {
    release();
    rmSync(stateDir, { recursive: true, force: true });
  };
});

function release(): void {
  held?.release();
  held = null;
}

const request = () => ({ stateDir, command: 'reconcile', waitMs: 0 });

it('a cycle waits for a backup of its own process, however long that takes', async () => {
  const waiting = { ...request(), waitsForOwn: true, onWait: release };
  expect(await locked(waiting, async () => 'carried out')).toBe('carried out');
});

it('nobody else does, and a cycle that is told to stop does not either', async () => {
  await expect(locked(request(), async () => 'carried out')).rejects.toThrow('is at work on');
  const stopped = { ...request(), waitsForOwn: true, signal: AbortSignal.abort() };
  await expect(locked(stopped, async () => 'carried out')).rejects.toThrow('is at work on');
});
