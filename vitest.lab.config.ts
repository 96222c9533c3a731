import { defineConfig } from 'vitest/config';

/** The real Debian server in QEMU. Two at a time: an emulated server keeps a little more than one core busy. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    // Takes more than ten minutes, and the simulator tries the same places: only where everything is asked for.
    exclude: process.env.STEWARD_LAB_ALL === '1' ? [] : ['test/lab/e2e/drill-crash.test.ts'],
    globalSetup: 'test/support/own-temporary-folder.ts',
    maxWorkers: 2,
    testTimeout: 10 * 60_000,
    // The first start builds the machine: debootstrap, DKMS, images.
    hookTimeout: 40 * 60_000,
  },
});
