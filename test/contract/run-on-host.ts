/**
 * Runs the contract against this machine's real tools, as root: `node test/contract/run-on-host.ts POOL IMAGE`.
 * Prints TAP, ends with the number of failures (at most 100). It makes and destroys datasets of its own.
 */
import { executorContract } from './executor-contract.ts';
import { realContractHost } from './real-host.ts';

const [pool, image] = process.argv.slice(2);
if (pool === undefined || image === undefined) {
  console.error('usage: run-on-host.ts POOL IMAGE');
  process.exit(2);
}

let failed = 0;
const host = await realContractHost({ pool, image });
console.log(`TAP version 13\n1..${executorContract.length}`);
for (const [at, { name, run }] of executorContract.entries()) {
  try {
    await run(host);
    console.log(`ok ${at + 1} - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${at + 1} - ${name}`);
    console.log(`  ---\n  ${String((error as Error).stack ?? error).replaceAll('\n', '\n  ')}\n  ...`);
  }
}
await host.cleanup();
process.exitCode = Math.min(failed, 100);
