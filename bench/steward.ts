import { join } from 'node:path';
import { keep, settleJournal } from '../cli/keep.ts';
import { locked } from '../cli/locked.ts';
import { readSettings, type Settings } from '../cli/settings.ts';
import { type Wired, wire } from '../cli/wire.ts';
import { watchRepository } from '../desired-state/watch.ts';
import { type Cycle, runCycle } from '../reconciler/cycle.ts';
import { Loop } from '../reconciler/loop.ts';
import { run } from '../tools/run.ts';

/** The program of the package as it is published; `installInto` put it there. */
export function installedIn(home: string): string {
  return join(home, 'steward/bin/steward.mjs');
}

/** One process of its own; milliseconds from its start to its end. Throws where it ends otherwise than wanted. */
export async function timedOnce(
  executable: string,
  args: string[],
  env: Record<string, string>,
): Promise<number> {
  const start = performance.now();
  const result = await run(process.execPath, [executable, 'reconcile', '--once', ...args], {
    env,
    timeoutMs: 180_000,
  });
  const ms = performance.now() - start;
  if (result.exitCode === 0) return ms;
  throw new Error(`steward reconcile --once exited ${result.exitCode}:\n${result.stdout}${result.stderr}`);
}

export function settingsOf(repo: string, stateDir: string, host: 'local' | 'simulator'): Settings {
  return readSettings({ repo, stateDir, host });
}

/** One turn of the loop, with all that cli/commands/loop.ts does around it: lock, journal, cycle, status kept. */
export function oneCycle(wired: Wired, settings: Settings, deps = wired.deps): Promise<Cycle> {
  return locked({ stateDir: settings.stateDir, command: 'bench', waitMs: 0 }, async () => {
    await settleJournal(wired, settings.stateDir);
    const cycle = await runCycle(deps, { dry: false });
    keep(wired, cycle);
    return cycle;
  });
}

/** Throws unless there was nothing to do: a cycle that worked, or was held up, is not what is measured. */
export function requireConverged(cycle: Cycle): void {
  if (cycle.result === 'converged') return;
  const blocked = cycle.plan?.blocked.map(({ id, reasons }) => `${id}: ${reasons[0]?.note}`) ?? [];
  const failed = cycle.outcomes.flatMap(({ change, error }) =>
    error === null ? [] : `${change.id}: ${error}`,
  );
  const problems = cycle.problems.map(({ file, line, message }) => `${file}:${line} ${message}`);
  const why = [...blocked, ...failed, ...problems, cycle.fetchError].filter(Boolean).slice(0, 5).join('; ');
  throw new Error(`the cycle was to find nothing to do, and ended as ${cycle.result}: ${why}`);
}

/** The loop as the daemon runs it, in this process, so that the moment of a step can be seen from outside. */
export interface RunningLoop extends AsyncDisposable {
  /** Resolves with the next cycle that ends. */
  nextCycle(): Promise<Cycle>;
  /** Resolves with performance.now() of the next call of compose. */
  nextUp(): Promise<number>;
  look(): void;
}

export async function startLoop(settings: Settings): Promise<RunningLoop> {
  let cycles = Promise.withResolvers<Cycle>();
  let ups = Promise.withResolvers<number>();
  const running: Loop = new Loop({
    cycle: () => oneCycle(wired, settings, { ...wired.deps, executor }),
    onCycle: (cycle) => {
      cycles.resolve(cycle);
      cycles = Promise.withResolvers();
    },
    onError: (error) => cycles.reject(error),
  });
  const wired = await wire(settings, running.signal);
  const executor: Wired['deps']['executor'] = {
    execute(step, options) {
      if (step.op === 'compose-up') ups.resolve(performance.now());
      return wired.deps.executor.execute(step, options);
    },
  };
  await watchRepository({
    repositoryPath: settings.repository,
    intervalMs: 600_000,
    onLook: () => running.look(),
    signal: running.signal,
  });
  const ended = running.run();
  return {
    nextCycle: () => cycles.promise,
    nextUp: () => {
      ups = Promise.withResolvers();
      return ups.promise;
    },
    look: () => running.look(),
    async [Symbol.asyncDispose]() {
      running.stop();
      await ended;
      wired.close();
    },
  };
}
