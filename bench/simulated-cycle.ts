import { wire } from '../cli/wire.ts';
import { oneCycle, requireConverged, settingsOf } from './steward.ts';

/** `node simulated-cycle.ts REPOSITORY STATE_DIR`: the cost of cycles on a simulated host, as JSON. */

export interface CycleCost {
  loadMs: number;
  planMs: number;
  applyMs: number;
  /** Cycles with nothing to do. */
  idleMs: number[];
}

const repeats = 9;

if (import.meta.main) {
  const [repository = '', stateDir = ''] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await measure(repository, stateDir)));
}

async function measure(repository: string, stateDir: string): Promise<CycleCost> {
  const settings = settingsOf(repository, stateDir, 'simulator');
  const wired = await wire(settings);
  // The first apply is not what is measured: thousands of syncs are for servers that may lose power.
  wired.store.db.exec('PRAGMA synchronous = OFF');
  try {
    const { durationsMs } = await oneCycle(wired, settings);
    const { load = 0, plan = 0, apply = 0 } = durationsMs;
    wired.store.db.exec('PRAGMA synchronous = FULL');
    requireConverged(await oneCycle(wired, settings));
    const idleMs: number[] = [];
    for (let turn = 0; turn < repeats; turn += 1) {
      const start = performance.now();
      requireConverged(await oneCycle(wired, settings));
      idleMs.push(performance.now() - start);
    }
    return { loadMs: load, planMs: plan, applyMs: apply, idleMs };
  } finally {
    wired.close();
  }
}
