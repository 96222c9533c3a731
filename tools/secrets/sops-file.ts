import { parseDocument } from 'yaml';
import { duplicateKeys } from '../duplicate-keys.ts';
import { SecretError } from './error.ts';

/**
 * A file of SOPS taken apart, still encrypted: its values in order, and how its data key is kept. The dotenv form
 * flattens the metadata into `sops_age__list_0__map_enc=…` (stores/dotenv/store.go and stores/flatten.go of SOPS).
 */
export interface SopsFile {
  /** In the order of the file, which the MAC follows. Numbers and booleans of YAML as they are written. */
  values: [name: string, value: string][];
  lastModified: string;
  mac: string;
  macOnlyEncrypted: boolean;
  age: { recipient: string; enc: string }[];
}

/** Throws SecretError whose message goes on after the name of the file. */
export function parseSopsDotenv(text: string): SopsFile {
  const pairs = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line, index): [string, string] => {
      const equals = line.indexOf('=');
      if (equals < 0) throw new SecretError(`has no = in entry ${index + 1}`);
      return [line.slice(0, equals), line.slice(equals + 1).replaceAll('\\n', '\n')];
    });
  const metadata = new Map(pairs.filter(([name]) => name.startsWith('sops_')));
  const age: SopsFile['age'] = [];
  for (let index = 0; metadata.has(`sops_age__list_${index}__map_enc`); index += 1) {
    const field = (name: string) => metadata.get(`sops_age__list_${index}__map_${name}`) ?? '';
    age.push({ recipient: field('recipient'), enc: field('enc') });
  }
  return complete({
    values: pairs.filter(([name]) => !name.startsWith('sops_')),
    lastModified: metadata.get('sops_lastmodified') ?? '',
    mac: metadata.get('sops_mac') ?? '',
    macOnlyEncrypted: metadata.get('sops_mac_only_encrypted') === 'true',
    age,
  });
}

/** One level of names and values. Throws SecretError as above. */
export function parseSopsYaml(text: string): SopsFile {
  const document = parseDocument(text, { logLevel: 'silent', schema: 'failsafe', uniqueKeys: false });
  if (document.errors.length + duplicateKeys(document).length > 0) throw new SecretError('is no YAML');
  const { sops, ...values } = record(plain(document));
  const metadata = record(sops);
  const age = Array.isArray(metadata.age) ? metadata.age.map(record) : [];
  return complete({
    values: Object.entries(values).map(([name, value]) => [name, scalar(name, value)]),
    lastModified: String(metadata.lastmodified ?? ''),
    mac: String(metadata.mac ?? ''),
    macOnlyEncrypted: metadata.mac_only_encrypted === 'true',
    age: age.map(({ recipient, enc }) => ({ recipient: String(recipient), enc: String(enc) })),
  });
}

function plain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new SecretError('uses aliases, which SOPS does not write');
  }
}

function scalar(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new SecretError(`has more below ${name}; only names with a value each can become variables`);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function complete(file: SopsFile): SopsFile {
  if (file.mac === '' || file.lastModified === '') throw new SecretError('is not encrypted by SOPS');
  if (file.age.length === 0)
    throw new SecretError(
      'is not encrypted for a key of age, and Steward opens no others; run sops updatekeys',
    );
  const odd = file.values.find(([name]) => !variableName.test(name));
  if (odd !== undefined)
    throw new SecretError(`has the name ${JSON.stringify(odd[0])}, which no variable can have; correct it`);
  return file;
}

/** Else compose could find two variables in one name. */
const variableName = /^[ \t]*(?:export[ \t]+)?[A-Za-z0-9_.[\]-]+[ \t]*$/;
