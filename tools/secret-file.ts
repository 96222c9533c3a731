import { open } from 'node:fs/promises';

/**
 * The words in a file that nobody but its owner may read. Throws an Error that names the file and the cure; `what` is
 * what it holds, such as `passphrase`.
 */
export async function readSecretFile(file: string, what: string): Promise<string> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`the ${what} file ${file} ${meaning(cause.code, what)}`, { cause });
  });
  try {
    const stat = await handle.stat();
    const flaw = (sentence: string) => new Error(`the ${what} file ${file} ${sentence}`);
    if (!stat.isFile()) throw flaw('is not a file');
    if ((stat.mode & 0o077) !== 0) throw flaw(`can be read by others than its owner; run chmod 600 ${file}`);
    const words = (await handle.readFile('utf8')).replace(/\n+$/, '');
    if (words === '') throw flaw(`is empty; write the ${what} into it`);
    return words;
  } finally {
    await handle.close();
  }
}

function meaning(code: string | undefined, what: string): string {
  if (code === 'ENOENT') return `does not exist; write the ${what} into it, mode 0600`;
  if (code === 'EACCES') return 'may not be read by this user';
  return `cannot be read (${code})`;
}
