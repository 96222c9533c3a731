import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStewardLab } from './install-steward.ts';
import { repositoryRoot } from './paths.ts';

const timeoutMs = 45 * 60_000;

test('steward of this checkout runs in the server, also after a reset', { timeout: timeoutMs }, async () => {
  const { version } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'));
  await using vm = await startStewardLab();
  expect((await vm.exec('steward --version')).stdout).toBe(version);
  await vm.exec('rm -r /opt/steward/dist');
  await vm.reset();
  expect((await vm.exec('steward --version')).stdout).toBe(version);
});
