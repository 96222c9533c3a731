/**
 * Runs steps with this machine's real tools: `node run-steps.ts < steps.json`, an array of steps. Prints one JSON line
 * a step, `{op, ms, facts}` or `{op, ms, error}`, and stops at the first error with exit code 1. SINCE_MS: they put right
 * what a run that began then has left.
 */
import { text } from 'node:stream/consumers';
import { hostExecutor } from '../../../../reconciler/apply/host.ts';
import type { Step } from '../../../../reconciler/types.ts';

const steps = JSON.parse(await text(process.stdin)) as Step[];
const stateDir = process.env.STATE_DIR ?? '/var/lib/steward-steps';
const { LOCK_WAIT = '600', IDLE_MS = '1800000', SINCE_MS } = process.env;
const options = SINCE_MS === undefined ? {} : { sinceMs: Number(SINCE_MS) };
const executor = hostExecutor({ stateDir, lockWaitSeconds: Number(LOCK_WAIT), borgIdleMs: Number(IDLE_MS) });
for (const step of steps) {
  const start = performance.now();
  const done = (what: object) =>
    console.log(JSON.stringify({ op: step.op, ms: Math.round(performance.now() - start), ...what }));
  try {
    const found = (await executor.execute(step, options)) ?? {};
    done({ facts: found });
  } catch (error) {
    done({ error: (error as Error).message });
    process.exitCode = 1;
    break;
  }
}
