import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SecretError } from './error.ts';

/**
 * The key of the digests that stand for values in plans and in the state. A plain digest of a short password can be
 * found by trying; without this key it cannot. See docs/decisions/0021.
 */
export function maskKey(stateDir: string): Buffer {
  const file = path.join(stateDir, 'mask.key');
  const known = read(file);
  if (known !== null) return known;
  const partial = `${file}.${process.pid}`;
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    rmSync(partial, { force: true });
    writeFileSync(partial, randomBytes(32), { mode: 0o600, flag: 'wx', flush: true });
    // Unlike a rename, a link never takes the place of the key that another process has just made.
    linkSync(partial, file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new SecretError(`${file} could not be written (${code ?? message})`);
  } finally {
    rmSync(partial, { force: true });
  }
  const made = read(file);
  if (made === null) throw new SecretError(`${file} is gone again`);
  return made;
}

function read(file: string): Buffer | null {
  try {
    const key = readFileSync(file);
    if (key.length !== 32) throw new SecretError(`${file} is damaged; remove it, and a new one is made`);
    chmodSync(file, 0o600);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof SecretError) throw error;
    throw new SecretError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Hex. Equal texts give equal digests; who has not the key can neither make nor try one. */
export function keyedDigest(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}
