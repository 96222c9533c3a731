import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { decryptAge, type NotOpened } from './age.ts';
import { SecretError } from './error.ts';
import type { SopsFile } from './sops-file.ts';

/**
 * The documented decryption of SOPS: the data key comes out of an age file in the metadata; each value is AES-256-GCM
 * with the path of its key as additional data; a SHA-512 over all values, encrypted likewise, says that none was
 * changed, left out or moved (aes/cipher.go and Tree.Decrypt in sops.go of getsops/sops).
 */
export async function decryptSops(
  file: SopsFile,
  identities: string[],
): Promise<{ ok: true; values: [string, string][] } | { ok: false; why: NotOpened }> {
  const key = await dataKey(file, identities);
  if (typeof key === 'string') return { ok: false, why: key };
  try {
    const values = file.values.map(([name, value]): [string, string] => [
      name,
      opened(value, key, name, file),
    ]);
    return isWhole(file, values, key) ? { ok: true, values } : { ok: false, why: 'damaged' };
  } catch (error) {
    if (error instanceof SecretError) throw error;
    return { ok: false, why: 'damaged' };
  }
}

async function dataKey(file: SopsFile, identities: string[]): Promise<Buffer | NotOpened> {
  let why: NotOpened = 'no-recipient';
  for (const { enc } of file.age) {
    const result = await decryptAge(Buffer.from(enc), identities);
    if (result.ok) return result.bytes.length === 32 ? Buffer.from(result.bytes) : 'damaged';
    if (result.why === 'damaged') why = 'damaged';
  }
  return why;
}

/** A value that SOPS left plain stands as it is; an empty one is never encrypted. */
function opened(value: string, key: Buffer, name: string, file: SopsFile): string {
  const isPlain = !value.startsWith('ENC[');
  // With this option the MAC does not cover plain values: anybody could have put one in.
  if (isPlain && value !== '' && file.macOnlyEncrypted)
    throw new SecretError(`has the plain value ${name}, which mac_only_encrypted leaves unproven`);
  return isPlain ? value : decryptValue(value, key, `${name}:`);
}

/** Throws where it was changed. */
function decryptValue(value: string, key: Buffer, additional: string): string {
  const match = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(\w+)\]$/.exec(value);
  if (match === null) throw new Error('no value of SOPS');
  const [data = Buffer.alloc(0), iv = data, tag = data] = match
    .slice(1, 4)
    .map((part) => Buffer.from(part, 'base64'));
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
  decipher.setAuthTag(tag);
  decipher.setAAD(Buffer.from(additional));
  return Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8');
}

/** Bytes that begin a MAC over encrypted values only: SHA-256 of `sops`. */
const onlyEncrypted = createHash('sha256').update('sops').digest();

function isWhole(file: SopsFile, values: [string, string][], key: Buffer): boolean {
  const hash = createHash('sha512');
  if (file.macOnlyEncrypted) hash.update(onlyEncrypted);
  for (const [, value] of values) hash.update(value);
  const computed = Buffer.from(hash.digest('hex').toUpperCase());
  const kept = Buffer.from(decryptValue(file.mac, key, file.lastModified));
  return computed.length === kept.length && timingSafeEqual(computed, kept);
}
