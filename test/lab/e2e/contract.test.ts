import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStewardLab } from '../install-steward.ts';
import type { LabVm } from '../vm.ts';

/** Some thirty cases; minutes, and many of them on a busy machine without hardware virtualisation. */
const timeoutMs = 25 * 60_000;

describe('the executors', { timeout: timeoutMs }, () => {
  let vm: LabVm;

  beforeAll(async () => {
    vm = await startStewardLab();
  });

  afterAll(() => vm?.shutdown());

  test('keep their contract with real ZFS and Docker', async () => {
    const command = 'node /opt/steward/dist/app/contract.js datapool lab/busybox:1';
    const { stdout, stderr, exitCode } = await vm.exec(command, {
      timeoutMs,
      allowFailure: true,
    });
    expect(`${stdout}\n${stderr}`).not.toMatch(/^not ok/m);
    const planned = Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1]);
    expect(stdout.match(/^ok /gm)).toHaveLength(planned);
    expect(exitCode).toBe(0);
  });
});
