import { defineConfig } from 'vitest/config';
import { whole, wholeOnly } from './test/lab/scope.ts';

/** The real Debian server in QEMU. Two at a time: an emulated server keeps a little more than one core busy. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    exclude: whole ? [] : Object.keys(wholeOnly),
    globalSetup: 'test/support/own-temporary-folder.ts',
    maxWorkers: 2,
    testTimeout: 10 * 60_000,
    // The first start builds the machine: debootstrap, DKMS, images.
    hookTimeout: 40 * 60_000,
  },
});
