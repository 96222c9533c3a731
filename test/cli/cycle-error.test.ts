import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { takeLock } from '../../reconciler/state/lock.ts';
import { newLab } from './lab.ts';
import { start, steward } from './steward.ts';

it('a cycle that could not be carried out counts as one that ended with an error', async () => {
  const lab = await newLab(['blog']);
  await steward(['reconcile', '--once', ...lab.flags]);
  const other = takeLock(lab.stateDir, { command: 'restore', sinceMs: Date.now() }, 0);
  const daemon = ['reconcile', ...lab.flags, '--wait', '0', '--interval', '60s', '--listen', '127.0.0.1:0'];
  const child = start(daemon, { buffer: false });
  try {
    let address = '';
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      const said = JSON.parse(line) as { msg: string; address?: string };
      address = said.address ?? address;
      if (said.msg === 'cycle failed') break;
    }
    const metrics = await (await fetch(`${address}/metrics`)).text();
    expect(metrics).toContain('steward_cycles_total{result="error"} 1\n');
    expect(metrics).toContain('steward_cycles_total{result="converged"} 0\n');
  } finally {
    if (other.ok) other.lock.release();
    child.kill('SIGTERM');
    await once(child, 'exit');
    lab.remove();
  }
});
