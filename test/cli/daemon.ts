import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { start } from './steward.ts';

/** The metrics of a daemon as it is when its log has said this; then it is told to stop. */
export async function metricsOfDaemon(flags: string[], isIt: (msg: string) => boolean): Promise<string> {
  const child = start(['reconcile', ...flags, '--interval', '60s', '--listen', '127.0.0.1:0'], {
    buffer: false,
  });
  try {
    let address = '';
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      const said = JSON.parse(line) as { msg: string; address?: string };
      address = said.address ?? address;
      if (isIt(said.msg)) break;
    }
    return await (await fetch(`${address}/metrics`)).text();
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}
