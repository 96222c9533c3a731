import { defineConfig } from 'vitest/config';

/** The real Debian server in QEMU. One file after the other: two emulated machines at once only get in each other's way. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 10 * 60_000,
    // The first start builds the machine: debootstrap, DKMS, images.
    hookTimeout: 40 * 60_000,
  },
});
