/** Where the lab keeps its things. Nothing of it lies in the checkout, nothing outside the cache survives. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** This checkout. */
export const repositoryRoot = resolve(import.meta.dirname, '../..');

/** The data the server is built from; its content is the key of the cache. */
export const recipeDir = join(import.meta.dirname, 'recipe');

/** Root of all layers and running machines; STEWARD_LAB_CACHE overrides it. */
export function cacheRoot(): string {
  return resolve(process.env.STEWARD_LAB_CACHE ?? join(homedir(), '.cache/homelab-steward/lab'));
}

/** One directory a running machine. */
export function vmsDir(): string {
  return join(cacheRoot(), 'vms');
}

/** Guest memory in MB; STEWARD_LAB_MEMORY_MB overrides it. */
export function memoryMb(): number {
  return Number(process.env.STEWARD_LAB_MEMORY_MB ?? 3072);
}

/** Disks of the server in the order the guest sees them; the last two carry the ZFS pools. */
export const disks = ['root', 'data', 'backup'] as const;
export type Disk = (typeof disks)[number];

/** The file of a disk inside a layer's or a machine's directory. */
export function diskFile(dir: string, disk: Disk): string {
  return join(dir, `${disk}.qcow2`);
}
