import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newIdentity } from '../../tools/secrets/age.ts';
import { type SecretBox, secretBox } from '../../tools/secrets/box.ts';

export interface TestKey {
  file: string;
  recipient: string;
  box: SecretBox;
}

/** An identity in a file of its own, as a host has it. */
export async function newKey(): Promise<TestKey> {
  const { identity, recipient } = await newIdentity();
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'steward-key-')), 'age.key');
  writeFileSync(file, `# recipient: ${recipient}\n${identity}\n`, { mode: 0o600 });
  return { file, recipient, box: secretBox(file) };
}

/** In tests the folder of secrets need not be in memory. */
export const anyMemory = { isInMemory: async () => true };
