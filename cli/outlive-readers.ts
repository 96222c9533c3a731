import type { Writable } from 'node:stream';

/**
 * What a command does goes on although what it says of it cannot be written: a `head` that has enough, or a full disk
 * behind `>`, must not end half of a backup. The result waits until all was handed on (to a socket, as behind ssh, Node
 * writes later, and exit() would drop the rest), and is why some of it was lost; null where nobody wanted it.
 */
export function outliveReaders(): () => Promise<string | null> {
  const streams = [process.stdout, process.stderr];
  let lost: string | null = null;
  for (const stream of streams)
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code !== 'EPIPE' && code !== 'ERR_STREAM_DESTROYED') lost ??= message;
    });
  return async () => {
    await Promise.all(streams.map(written));
    return lost;
  };
}

function written(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
