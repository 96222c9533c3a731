import { readFile } from 'node:fs/promises';
import { parseMountinfo } from '../tools/mountinfo.ts';
import type { Observed, ObservedMount } from './types.ts';

/** All that is mounted where Steward itself is. `file`: default /proc/self/mountinfo. */
export async function observeMounts(file = '/proc/self/mountinfo'): Promise<Observed<ObservedMount[]>> {
  try {
    const mounts = parseMountinfo(await readFile(file, 'utf8'));
    const value = mounts.map(({ source, mountpoint, type }) => ({ source, mountpoint, type }));
    return { known: true, value };
  } catch (error) {
    return { known: false, error: `what is mounted cannot be read: ${(error as Error).message}` };
  }
}
