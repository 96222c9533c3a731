import { StepError } from '../reconciler/apply/types.ts';

/** Native properties as `zfs get -p` prints them on a fresh dataset (OpenZFS 2.3). */
export const zfsDefaults: Readonly<Record<string, string>> = {
  aclinherit: 'restricted',
  acltype: 'off',
  atime: 'on',
  canmount: 'on',
  checksum: 'on',
  compression: 'on',
  copies: '1',
  dedup: 'off',
  devices: 'on',
  dnodesize: 'legacy',
  exec: 'on',
  logbias: 'latency',
  overlay: 'on',
  primarycache: 'all',
  quota: '0',
  readonly: 'off',
  recordsize: '131072',
  refquota: '0',
  refreservation: '0',
  relatime: 'on',
  reservation: '0',
  secondarycache: 'all',
  setuid: 'on',
  snapdir: 'hidden',
  special_small_blocks: '0',
  sync: 'standard',
  xattr: 'sa',
};

const sizes = new Set(['quota', 'refquota', 'reservation', 'refreservation', 'recordsize']);
const notInherited = new Set(['canmount', 'quota', 'refquota', 'reservation', 'refreservation']);

export function inherits(property: string): boolean {
  return !notInherited.has(property);
}

/** The value as ZFS keeps it: sizes in bytes. Throws StepError with ZFS's words where ZFS refuses it. */
export function acceptProperty(dataset: string, property: string, value: string): string {
  if (property.includes(':')) return value;
  if (property === 'mountpoint') return acceptMountpoint(dataset, value);
  if (!Object.hasOwn(zfsDefaults, property)) {
    throw refusal(dataset, `invalid property '${property}'`);
  }
  if (!sizes.has(property)) return value;
  const bytes = bytesOf(value);
  if (bytes === null) throw refusal(dataset, `bad numeric value '${value}'`);
  if (property === 'recordsize' && !isRecordSize(bytes)) {
    throw refusal(dataset, `'recordsize' must be power of 2 from 512B to 16M`);
  }
  return String(bytes);
}

function acceptMountpoint(dataset: string, value: string): string {
  if (value.startsWith('/') || value === 'none' || value === 'legacy') return value;
  throw refusal(dataset, `'mountpoint' must be an absolute path, 'none', or 'legacy'`);
}

function refusal(dataset: string, said: string): StepError {
  return new StepError(`cannot set property for '${dataset}': ${said}`, { retryable: false });
}

function bytesOf(value: string): number | null {
  if (value === 'none') return 0;
  const match = /^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?$/i.exec(value);
  if (match?.[1] === undefined) return null;
  return Number(match[1]) * 1024 ** ' KMGTP'.indexOf((match[2] || ' ').toUpperCase());
}

function isRecordSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 16 * 1024 ** 2 && Number.isInteger(Math.log2(bytes));
}
