import { defineConfig } from 'vitest/config';

/** Everything that needs no lab VM. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**'],
    globalSetup: 'test/support/own-temporary-folder.ts',
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Two cores, and many of these start git, sshd or docker compose.
    maxWorkers: 2,
  },
});
