/** QEMU's machine protocol (QMP): one JSON object a line over a unix socket. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export type Qmp = {
  /** Runs one command; rejects with QEMU's own description of the error. */
  readonly run: (command: string, args?: object) => Promise<unknown>;
  readonly close: () => void;
};

type Reply = { readonly return?: unknown; readonly error?: { readonly desc: string }; readonly id?: number };

/** Connects, waiting up to `timeoutMs` for QEMU to open the socket. `alive` ends the wait early. */
export async function connectQmp(path: string, alive: () => boolean, timeoutMs = 20_000): Promise<Qmp> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      const qmp = speak(await open(path));
      await qmp.run('qmp_capabilities');
      return qmp;
    } catch (error) {
      if (!alive() || Date.now() > deadline) throw new Error('lab: no QEMU monitor', { cause: error });
      await sleep(20);
    }
  }
}

async function open(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return socket;
}

function speak(socket: Socket): Qmp {
  const waiting = new Map<number, (reply: Reply) => void>();
  let lastId = 0;
  let closed = false;
  const end = () => {
    closed = true;
    for (const answer of waiting.values()) answer({ error: { desc: 'QEMU closed the monitor' } });
    waiting.clear();
  };
  socket.on('error', end).on('close', end);
  // The interface passes the socket's errors on; unheard, they would end the process.
  const replies = createInterface({ input: socket }).on('error', end);
  replies.on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    if (reply.id === undefined) return;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const run = (command: string, args: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      if (closed) return reject(new Error(`qmp ${command}: QEMU has ended`));
      const id = ++lastId;
      waiting.set(id, ({ error, return: value }) =>
        error ? reject(new Error(`qmp ${command}: ${error.desc}`)) : resolve(value),
      );
      socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  return { run, close: () => socket.destroy() };
}
