import { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { runLeashed } from '../../tools/borg/process.ts';
import { run, runLines } from '../../tools/run.ts';

/** A stand-in for what the kernel holds: signals of ours do not arrive. */
beforeAll(() => void vi.spyOn(ChildProcess.prototype, 'kill').mockReturnValue(true));
const folder = mkdtempSync(join(tmpdir(), 'steward-unending-'));
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const cannot = /^(?:sh|borg) does not answer and cannot be ended \(process (\d+)\): the kernel holds it/;

async function failure(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'it ended well',
    (error: Error) => error.message,
  );
}

/** As when the pool is back. */
function letGo(message: string): void {
  const pid = Number(cannot.exec(message)?.[1]);
  if (pid > 0) process.kill(pid, 'SIGKILL');
}

async function drained(lines: ReturnType<typeof runLines>): Promise<void> {
  for await (const _line of lines);
}

const borg = (argv: string[], options: { signal?: AbortSignal; idleMs?: number }) =>
  runLeashed(argv, {
    ...{ env: process.env as Record<string, string>, onErrorLine: () => {}, graceMs: 100, idleMs: 20_000 },
    ...{ works: 'on /backup', ...options },
  });

describe.concurrent('what not even SIGKILL ends, as on a pool that is suspended,', () => {
  it('is given up beyond its time limit, and not started again before it has ended', async ({ expect }) => {
    const back = join(folder, 'back');
    const script = `[ -e ${back} ] || exec sleep 600`;
    const again = () => failure(run('sh', ['-c', script], { timeoutMs: 100 }));
    const first = await again();
    expect(first).toMatch(cannot);
    // At once, and of the same process.
    expect(await Promise.all([again(), again()])).toEqual([first, first]);
    writeFileSync(back, '');
    letGo(first);
    await expect.poll(again).toBe('it ended well');
  });

  it('is given up once nobody wants it any more', async ({ expect }) => {
    const signal = AbortSignal.timeout(100);
    const message = await failure(run('sh', ['-c', 'exec sleep 601'], { signal }));
    expect(message).toMatch(cannot);
    letGo(message);
  });

  it('is given up where it is read line by line', async ({ expect }) => {
    const message = await failure(drained(runLines('sh', ['-c', 'exec sleep 602'], { timeoutMs: 100 })));
    expect(message).toMatch(cannot);
    letGo(message);
  });

  it('is given up where nobody reads further', async ({ expect }) => {
    const lines = runLines('sh', ['-c', 'echo $$; exec sleep 603']);
    const { value = [] } = (await lines.next()) as IteratorResult<string[], string[]>;
    await lines.return({ exitCode: 0, stdout: '', stderr: '' });
    const message = await failure(run('sh', ['-c', 'echo $$; exec sleep 603']));
    expect(message).toMatch(`(process ${value[0]})`);
    letGo(message);
  });

  it('is given up where it is borg, and no other borg is started on that repository', async ({ expect }) => {
    const message = await failure(borg(['sh', '-c', 'exec sleep 604'], { idleMs: 100 }));
    expect(message).toMatch(cannot);
    expect(await failure(borg(['true'], {}))).toBe(message);
    letGo(message);
    await expect.poll(() => failure(borg(['true'], {}))).toBe('it ended well');
  });
});

it('what has ended is not waited for because of what it has started', async ({ expect }) => {
  vi.restoreAllMocks();
  const started = join(folder, 'started');
  const script = `sleep 605 & echo $! > ${started}; exec sleep 606`;
  const message = await failure(run('sh', ['-c', script], { timeoutMs: 1000 }));
  process.kill(Number(readFileSync(started, 'utf8')), 'SIGKILL');
  expect(message).toBe('sh was ended, but not what it had started');
});
