import { defineConfig } from 'vitest/config';
import { unproven } from './test/lab/suites.ts';

const left = process.env.STEWARD_LAB_ALL === '1' ? [] : Object.keys(unproven);

/** The real Debian server in QEMU. One file after the other: two emulated machines at once only get in each other's way. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    exclude: left.map((name) => `test/lab/e2e/${name}.test.ts`),
    fileParallelism: false,
    testTimeout: 10 * 60_000,
    // The first start builds the machine: debootstrap, DKMS, images.
    hookTimeout: 40 * 60_000,
  },
});
