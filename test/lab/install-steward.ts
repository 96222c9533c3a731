/** Puts this checkout's Steward into a lab server, as the published package holds it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installInto } from '../../packaging/bundle.ts';
import { ensureStewardLayer, stewardDir } from './steward-layer.ts';
import { type LabVm, startLab } from './vm.ts';

/** A server in which `steward` of this checkout can be called; see {@link startLab}. */
export async function startStewardLab(): Promise<LabVm> {
  const vm = await startLab({ saved: await ensureStewardLayer() });
  try {
    await installSteward(vm);
  } catch (error) {
    await vm.shutdown();
    throw error;
  }
  // Whoever resets a server with Steward wants Steward in it again.
  return {
    ...vm,
    async reset() {
      await vm.reset();
      await installSteward(vm);
    },
  };
}

/**
 * Bundles the source files of this checkout, committed or not, into /opt/steward. The server must stem from
 * {@link ensureStewardLayer}: Node is there already. `dist/app/contract.js` runs the executors' contract,
 * `dist/app/retention.js` that of the retention; `dist/app/steps.js` single steps, `dist/app/dying.js` a backup that dies.
 */
export async function installSteward(vm: LabVm): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lab-install-'));
  try {
    const programs = {
      contract: 'test/contract/run-on-host.ts',
      retention: 'test/contract/retention-contract.ts',
      steps: 'test/lab/e2e/support/run-steps.ts',
      dying: 'test/lab/e2e/support/dying-backup.ts',
    };
    await installInto(dir, programs);
    await vm.pushTar(['-C', dir, '.'], stewardDir);
  } finally {
    await rm(dir, { recursive: true });
  }
}
