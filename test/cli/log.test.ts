import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, newLab } from './lab.ts';
import { binary, projectRoot } from './steward.ts';

/** A log that goes into a file on a disk without room. */

let lab: Lab;
beforeAll(async () => {
  lab = await newLab();
});
afterAll(() => lab.remove());

/** Nobody has it now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const cyclesAt = (address: string) => async () => {
  const metrics = await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(5_000) }).then(
    (answer) => answer.text(),
    () => '',
  );
  const counts = [...metrics.matchAll(/^steward_cycles_total\{.*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

describe('a log that finds no room', { timeout: 60_000 }, () => {
  it('keeps no daemon from its work, nor from its end', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const full = openSync('/dev/full', 'w');
    const args = ['reconcile', ...lab.flags, '--interval', '1s', '--listen', address];
    const child = spawn(process.execPath, [binary, ...args], { stdio: ['ignore', 'ignore', full] });
    const exit = once(child, 'exit');
    try {
      const cycles = cyclesAt(`http://${address}`);
      await expect.poll(cycles, { timeout: 40_000, interval: 500 }).toBeGreaterThan(1);
      child.kill('SIGTERM');
      // It did all that it was to do, but for telling it.
      expect(await exit).toEqual([1, null]);
    } finally {
      child.kill('SIGKILL');
      closeSync(full);
    }
  });

  it('is written again as soon as there is some', async () => {
    const disk = join(lab.root, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    const log = openSync(join(disk, 'log'), 'a');
    try {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'fill'), Buffer.alloc(bavail * bsize));
      const code = `
        import { rmSync } from 'node:fs';
        import { outliveReaders } from ${JSON.stringify(join(projectRoot, 'cli/outlive-readers.ts'))};
        import { logger } from ${JSON.stringify(join(projectRoot, 'cli/log.ts'))};
        const written = outliveReaders();
        const log = logger();
        log.info('lost');
        await written();
        rmSync(${JSON.stringify(join(disk, 'fill'))});
        log.info('there');
        await written();
        process.exit();`;
      const stdio = ['ignore', 'ignore', log] as const;
      execFileSync(process.execPath, ['--input-type=module', '-e', code], {
        stdio: [...stdio],
        timeout: 20_000,
      });
      const lines = readFileSync(join(disk, 'log'), 'utf8');
      expect(lines).toMatch(/"msg":"there"\}\n$/);
      expect(lines).not.toContain('lost');
    } finally {
      closeSync(log);
      execFileSync('umount', ['--lazy', disk]);
      rmSync(disk, { recursive: true });
    }
  });
});
