import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { encryptAge } from '../../tools/secrets/age.ts';

/**
 * Writes files as SOPS 3.8 does, for tests: the format is that of aes/cipher.go, sops.go and stores/dotenv of
 * getsops/sops. It shares no code with what reads them.
 */
export interface SopsOptions {
  recipients: string[];
  /** Names whose values stay plain. */
  plain?: string[];
  macOnlyEncrypted?: boolean;
}

const modified = '2026-11-23T20:00:00Z';

interface Encoded {
  values: [string, string][];
  enc: { recipient: string; enc: string }[];
  mac: string;
}

async function encode(values: [string, string][], options: SopsOptions): Promise<Encoded> {
  const key = randomBytes(32);
  const isPlain = (name: string) => options.plain?.includes(name) === true;
  const hash = createHash('sha512');
  if (options.macOnlyEncrypted === true) hash.update(createHash('sha256').update('sops').digest());
  for (const [name, value] of values)
    if (options.macOnlyEncrypted !== true || !isPlain(name)) hash.update(value);
  const enc = [];
  for (const recipient of options.recipients)
    enc.push({ recipient, enc: await encryptAge(key, [recipient]) });
  return {
    values: values.map(([name, value]) => [name, isPlain(name) ? value : seal(value, key, `${name}:`)]),
    enc,
    mac: seal(hash.digest('hex').toUpperCase(), key, modified),
  };
}

function seal(value: string, key: Buffer, additional: string): string {
  if (value === '') return '';
  const iv = randomBytes(32);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(additional));
  const data = Buffer.concat([cipher.update(value), cipher.final()]).toString('base64');
  const [initial, tag] = [iv.toString('base64'), cipher.getAuthTag().toString('base64')];
  return `ENC[AES256_GCM,data:${data},iv:${initial},tag:${tag},type:str]`;
}

export async function sopsDotenv(values: [string, string][], options: SopsOptions): Promise<string> {
  const encoded = await encode(values, options);
  const metadata = encoded.enc.flatMap(({ recipient, enc }, index) => [
    [`sops_age__list_${index}__map_enc`, enc.endsWith('\n') ? enc : `${enc}\n`],
    [`sops_age__list_${index}__map_recipient`, recipient],
  ]);
  const all = [
    ...encoded.values,
    ...metadata,
    ['sops_lastmodified', modified],
    ['sops_mac', encoded.mac],
    ...(options.macOnlyEncrypted === true ? [['sops_mac_only_encrypted', 'true']] : []),
    ['sops_unencrypted_suffix', '_unencrypted'],
    ['sops_version', '3.8.1'],
  ];
  return all.map(([name, value]) => `${name}=${(value ?? '').replaceAll('\n', '\\n')}\n`).join('');
}

export async function sopsYaml(values: [string, string][], options: SopsOptions): Promise<string> {
  const encoded = await encode(values, options);
  const age = encoded.enc.map(
    ({ recipient, enc }) =>
      `        - recipient: ${recipient}\n          enc: |\n${enc
        .trimEnd()
        .split('\n')
        .map((line) => `            ${line}`)
        .join('\n')}\n`,
  );
  const top = encoded.values.map(([name, value]) => `${name}: ${value === '' ? '""' : value}\n`).join('');
  return `${top}sops:\n    age:\n${age.join('')}    lastmodified: "${modified}"\n    mac: ${encoded.mac}\n    unencrypted_suffix: _unencrypted\n    version: 3.8.1\n`;
}
