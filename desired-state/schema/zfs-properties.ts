import { sizeBytes } from './units.ts';

/** A value as `zfs get -p` prints it, or what is wrong with it. */
export type PropertyResult = { ok: true; value: string } | { ok: false; message: string; fix: string };
type Check = (value: string) => PropertyResult;

const refuse = (expected: string, example: string): PropertyResult => ({
  ok: false,
  message: `expected ${expected}`,
  fix: `write ${example}`,
});

function oneOf(...values: string[]): Check {
  const list = values.join(', ');
  return (value) =>
    values.includes(value) ? { ok: true, value } : refuse(`one of ${list}`, `one of ${list}`);
}

const onOff = oneOf('on', 'off');

function size(example: string): Check {
  return (value) => {
    const bytes = value === 'none' ? 0 : sizeBytes(value);
    if (bytes === undefined) return refuse(`a number of bytes such as ${example}`, example);
    return { ok: true, value: String(bytes) };
  };
}

function powerOfTwo(min: number, max: number, expected: string, example: string): Check {
  return (value) => {
    const bytes = sizeBytes(value);
    const fits = bytes !== undefined && bytes >= min && bytes <= max && Number.isInteger(Math.log2(bytes));
    return fits ? { ok: true, value: String(bytes) } : refuse(expected, example);
  };
}

function pattern(
  form: RegExp,
  expected: string,
  example: string,
  canonical: Record<string, string> = {},
): Check {
  return (value) =>
    form.test(value) ? { ok: true, value: canonical[value] ?? value } : refuse(expected, example);
}

const compression = pattern(
  /^(on|off|lz4|lzjb|zle|gzip(-[1-9])?|zstd(-([1-9]|1[0-9]))?|zstd-fast(-([1-9]|10|[2-9]0|100|500|1000))?)$/,
  'a compression such as zstd, zstd-9, lz4, gzip or off',
  'zstd',
  { 'gzip-6': 'gzip', 'zstd-fast-1': 'zstd-fast' },
);

const checks: Record<string, Check> = {
  aclinherit: oneOf('discard', 'noallow', 'restricted', 'passthrough', 'passthrough-x'),
  aclmode: oneOf('discard', 'groupmask', 'passthrough', 'restricted'),
  acltype: pattern(/^(off|posix|posixacl|nfsv4)$/, 'one of off, posix, nfsv4', 'posix', {
    posixacl: 'posix',
  }),
  atime: onOff,
  checksum: oneOf('on', 'off', 'fletcher2', 'fletcher4', 'sha256', 'sha512', 'skein', 'edonr', 'blake3'),
  compression,
  copies: oneOf('1', '2', '3'),
  dedup: oneOf('on', 'off', 'verify'),
  devices: onOff,
  direct: oneOf('standard', 'always', 'disabled'),
  dnodesize: oneOf('legacy', 'auto', '1k', '2k', '4k', '8k', '16k'),
  exec: onOff,
  logbias: oneOf('latency', 'throughput'),
  prefetch: oneOf('none', 'metadata', 'all'),
  primarycache: oneOf('all', 'none', 'metadata'),
  quota: size('500G'),
  readonly: onOff,
  recordsize: powerOfTwo(512, 16 * 1024 ** 2, 'a power of two from 512 to 16M such as 16K', '16K'),
  redundant_metadata: oneOf('all', 'most', 'some', 'none'),
  refquota: size('500G'),
  refreservation: size('50G'),
  relatime: onOff,
  reservation: size('50G'),
  secondarycache: oneOf('all', 'none', 'metadata'),
  setuid: onOff,
  snapdir: oneOf('hidden', 'visible', 'disabled'),
  special_small_blocks: size('64K'),
  sync: oneOf('standard', 'always', 'disabled'),
  xattr: oneOf('sa', 'dir', 'off'),
};

/** The native properties that may be declared. */
export const zfsPropertyNames = Object.keys(checks);

const creationOnly = 'can be chosen only when a dataset is created, so a change could never be applied';
const forbidden: Record<string, string> = {
  mountpoint: 'follows from `storage.mountpoint` and the name of the service, which containers rely on',
  // With canmount=off or noauto the mountpoint is an ordinary directory of the OS disk, and containers fill that.
  canmount: 'must stay `on`: containers would write to the OS disk instead',
  casesensitivity: creationOnly,
  normalization: creationOnly,
  utf8only: creationOnly,
  encryption: `${creationOnly}; an encrypted parent dataset hands it down`,
  keyformat: creationOnly,
  keylocation: creationOnly,
  volsize: 'belongs to volumes, not to file systems',
  sharenfs: 'would open the data to the network past every container',
  sharesmb: 'would open the data to the network past every container',
};

/** Why a name cannot be declared; undefined for one that can. */
export function propertyNameProblem(name: string): { message: string; fix: string } | undefined {
  if (name.startsWith('steward:')) {
    return { message: '`steward:` properties are written by Steward itself', fix: 'choose another prefix' };
  }
  if (name.includes(':')) return userPropertyProblem(name);
  const reason = forbidden[name];
  if (reason !== undefined) return { message: `the property ${name} ${reason}`, fix: `remove ${name}` };
  return undefined;
}

function userPropertyProblem(name: string): { message: string; fix: string } | undefined {
  if (/^[a-z0-9][a-z0-9:+._-]{0,254}$/.test(name)) return undefined;
  return {
    message: 'a user property is named with lower-case letters, digits and : + . _ -',
    fix: 'write e.g. lab:note',
  };
}

/** The declared value in the form `zfs get -p` prints. Only for names that `isKnownProperty`. */
export function propertyValue(name: string, value: string): PropertyResult {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check) return check(value);
  return value.length > 0 && value.length < 8192 && !/[\n\0]/.test(value)
    ? { ok: true, value }
    : refuse('a text of one line', '"some text"');
}

export function isKnownProperty(name: string): boolean {
  return name.includes(':') || Object.hasOwn(checks, name);
}
