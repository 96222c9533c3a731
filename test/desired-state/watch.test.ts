import { afterEach, describe, expect, it, vi } from 'vitest';
import { type LookReason, watchRepository } from '../../desired-state/watch.ts';
import { runOk } from '../../tools/run.ts';
import { makeOrigin, temporaryDirectory } from './repository-fixture.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
  vi.useRealTimers();
});

const never = 1_000_000_000;

/** Resolves at each look, in order. */
function looks() {
  const seen: LookReason[] = [];
  const waiting: (() => void)[] = [];
  const onLook = (reason: LookReason) => {
    seen.push(reason);
    for (const done of waiting.splice(0)) done();
  };
  return { seen, onLook, next: () => new Promise<void>((done) => waiting.push(done)) };
}

describe('a local repository', () => {
  it('a push to a bare repository is seen, and another one after it', async () => {
    const origin = await makeOrigin();
    const bare = `${temporaryDirectory()}/bare.git`;
    await runOk('git', ['clone', '-q', '--bare', origin.work, bare]);
    const { seen, onLook, next } = looks();
    await watchRepository({ repositoryPath: bare, intervalMs: never, onLook, signal: stop.signal });
    for (const content of ['two\n', 'three\n']) {
      await origin.commit({ 'lab.yaml': content });
      const looked = next();
      await origin.git('push', '-q', bare, 'main');
      await looked;
    }
    expect(new Set(seen)).toEqual(new Set(['push']));
  });

  it.each([
    ['commit', ['commit', '--allow-empty', '-q', '-m', 'x']],
    ['new nested branch', ['branch', 'a/b']],
    ['HEAD', ['symbolic-ref', 'HEAD', 'refs/heads/x']],
    ['packed refs', ['pack-refs', '--all']],
  ])('a work tree: %s is seen', async (_name, command) => {
    const origin = await makeOrigin();
    const { onLook, next } = looks();
    await watchRepository({ repositoryPath: origin.work, intervalMs: never, onLook, signal: stop.signal });
    const looked = next();
    await origin.git(...command);
    await looked;
  });
});

describe('polling', () => {
  it('goes on with jitter, and stops with the signal', async () => {
    vi.useFakeTimers();
    const { seen, onLook } = looks();
    await watchRepository({
      repositoryPath: null,
      intervalMs: 1_000,
      onLook,
      signal: stop.signal,
      random: () => 1,
    });
    await vi.advanceTimersByTimeAsync(1_099);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_101);
    expect(seen).toEqual(['poll', 'poll']);
    stop.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seen).toHaveLength(2);
  });

  it('stays when there is nothing to watch, and says so', async () => {
    vi.useFakeTimers();
    const { seen, onLook } = looks();
    const onTrouble = vi.fn();
    const repositoryPath = temporaryDirectory();
    await watchRepository({
      repositoryPath,
      intervalMs: 1_000,
      onLook,
      onTrouble,
      signal: stop.signal,
      random: () => 0,
    });
    expect(onTrouble).toHaveBeenCalledWith(expect.stringContaining('polling instead'));
    await vi.advanceTimersByTimeAsync(900);
    expect(seen).toEqual(['poll']);
  });

  it('never looks twice at once, and looks once more after what came meanwhile', async () => {
    vi.useFakeTimers();
    let running = 0;
    let most = 0;
    let count = 0;
    const onLook = async () => {
      count += 1;
      running += 1;
      most = Math.max(most, running);
      await new Promise((done) => setTimeout(done, 3_500));
      running -= 1;
      if (count === 1) throw new Error('broken');
    };
    const onTrouble = vi.fn();
    await watchRepository({
      repositoryPath: null,
      intervalMs: 1_000,
      onLook,
      onTrouble,
      signal: stop.signal,
      random: () => 0.5,
    });
    await vi.advanceTimersByTimeAsync(4_600);
    expect([count, most]).toEqual([2, 1]);
    expect(onTrouble).toHaveBeenCalledWith('looking failed: broken');
  });
});
