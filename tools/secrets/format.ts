import path from 'node:path';

/** What Steward opens in the folder of a service, the later winning over the earlier. */
export const encryptedNames = ['.env', '.sops.env', '.env.sops.yaml', '.env.age'] as const;

export type SecretFormat = 'age' | 'sops-dotenv' | 'sops-yaml';

/** By the name alone. `.env` is one of these only where SOPS has encrypted the values in it. */
export function formatOf(file: string): SecretFormat {
  const name = path.basename(file);
  if (name.endsWith('.age')) return 'age';
  return name.endsWith('.yaml') ? 'sops-yaml' : 'sops-dotenv';
}

/** SOPS keeps the name of the file and encrypts the values in place. */
export function holdsSops(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && Buffer.from(bytes).includes('=ENC[AES256_GCM,');
}
