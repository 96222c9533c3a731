import { SecretError } from './error.ts';

/** age files (age-encryption.org/v1) through the library of age's own author. It is loaded when it is needed. */

const armorHead = '-----BEGIN AGE ENCRYPTED FILE-----';
const binaryHead = 'age-encryption.org/v1\n';

/** Why a file did not open: the caller words it, since it knows the file's name. */
export type NotOpened = 'no-recipient' | 'damaged';

/** The bytes of an age file, out of its armor where it has one; null where it is no age file. */
export async function unarmored(bytes: Uint8Array): Promise<Uint8Array | null> {
  const text = Buffer.from(bytes).toString('latin1');
  if (text.startsWith(binaryHead)) return bytes;
  if (!text.trimStart().startsWith(armorHead)) return null;
  const { armor } = await import('age-encryption');
  try {
    return armor.decode(text);
  } catch {
    return null;
  }
}

/** What is in an age file. One that was changed on its way is never given, not even in part. */
export async function decryptAge(
  bytes: Uint8Array,
  identities: string[],
): Promise<{ ok: true; bytes: Uint8Array } | { ok: false; why: NotOpened }> {
  const { Decrypter } = await import('age-encryption');
  const binary = await unarmored(bytes);
  if (binary === null) return { ok: false, why: 'damaged' };
  try {
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    return { ok: true, bytes: await decrypter.decrypt(binary) };
  } catch (error) {
    const isStranger = /no identity matched/.test((error as Error).message);
    return { ok: false, why: isStranger ? 'no-recipient' : 'damaged' };
  }
}

/** Armored: Git shows it as text, and its lines can be counted. Throws SecretError for a recipient that is none. */
export async function encryptAge(text: string | Uint8Array, recipients: readonly string[]): Promise<string> {
  const { armor, Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      throw new SecretError(`${recipient} in secrets.recipients of lab.yaml is no recipient of age`);
    }
  }
  return armor.encode(await encrypter.encrypt(text));
}

/** How many keys of X25519 or its post-quantum kin open it; age never tells whose. Null where it is no age file. */
export async function recipientCount(bytes: Uint8Array): Promise<number | null> {
  const binary = await unarmored(bytes);
  if (binary === null) return null;
  const header = Buffer.from(binary).toString('latin1').split('\n---', 1)[0] ?? '';
  return (header.match(/^-> (X25519|mlkem768x25519) /gm) ?? []).length;
}

/** A new private key, and its recipient. */
export async function newIdentity(): Promise<{ identity: string; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}
