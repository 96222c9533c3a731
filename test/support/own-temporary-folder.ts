import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs once around all tests: what they leave in the folder for temporary files goes with that folder. */
const folder = mkdtempSync(join(tmpdir(), 'steward-tests-'));

export function setup(): void {
  process.env.TMPDIR = folder;
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
