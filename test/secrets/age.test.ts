import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { run, runOk } from '../../tools/run.ts';
import { encryptAge, newIdentity, recipientCount } from '../../tools/secrets/age.ts';
import { secretBox } from '../../tools/secrets/box.ts';
import { unsafe } from '../../tools/secrets/identity.ts';
import { newKey, type TestKey } from './keys.ts';

const text = 'PASSWORD="correct horse"\nTOKEN=battery\n';
const folder = mkdtempSync(path.join(tmpdir(), 'steward-age-'));
let key: TestKey;
let other: TestKey;
beforeAll(async () => {
  [key, other] = [await newKey(), await newKey()];
});

describe('the program age and Steward read what the other has written', () => {
  it.each([
    ['armored', ['--armor']],
    ['binary', []],
  ])('age writes it %s', async (_form, flags) => {
    const [plain, sealed] = [path.join(folder, 'plain'), path.join(folder, 'sealed.age')];
    writeFileSync(plain, text);
    await runOk('age', [...flags, '-r', other.recipient, '-r', key.recipient, '-o', sealed, plain]);
    const { readFileSync } = await import('node:fs');
    const bytes = readFileSync(sealed);
    expect(await key.box.open('services/photo/.env.age', bytes)).toBe(text);
    expect(await recipientCount(bytes)).toBe(2);
  });

  it('Steward writes it', async () => {
    const sealed = path.join(folder, 'ours.age');
    writeFileSync(sealed, await encryptAge(text, [other.recipient, key.recipient]));
    for (const { file } of [key, other]) {
      const { stdout } = await run('age', ['-d', '-i', file, sealed]);
      expect(stdout).toBe(text);
    }
  });

  it('a key of age-keygen is taken', async () => {
    const file = path.join(folder, 'made.key');
    await runOk('age-keygen', ['-o', file]);
    const recipient = (await runOk('age-keygen', ['-y', file])).trim();
    const sealed = Buffer.from(await encryptAge(text, [recipient]));
    expect(await secretBox(file).open('.env.age', sealed)).toBe(text);
  });
});

describe('what does not open says why, and what to do', () => {
  it('for somebody else', async () => {
    const sealed = Buffer.from(await encryptAge(text, [other.recipient]));
    await expect(key.box.open('services/photo/.env.age', sealed)).rejects.toThrow(
      `the identity ${key.file} is not among the recipients of services/photo/.env.age; run \`steward secrets rekey\` where one of them is`,
    );
  });

  it.each([
    ['its last letter changed', (lines: string[]) => lines.with(-2, flipped(lines.at(-2) ?? ''))],
    ['a line left out', (lines: string[]) => lines.toSpliced(3, 1)],
    ['cut off', (lines: string[]) => lines.slice(0, 4)],
    ['something else', () => ['PASSWORD=plain']],
  ])('with %s', async (_what, change) => {
    const sealed = (await encryptAge(text.repeat(40), [key.recipient])).trimEnd().split('\n');
    const bytes = Buffer.from(change(sealed).join('\n'));
    await expect(key.box.open('services/photo/.env.age', bytes)).rejects.toThrow(
      "services/photo/.env.age is no whole age file; take it again from where it was right, such as Git's history",
    );
  });
});

function flipped(line: string): string {
  const at = Math.floor(line.length / 2);
  return line.slice(0, at) + (line[at] === 'A' ? 'B' : 'A') + line.slice(at + 1);
}

describe('an identity', () => {
  const opening = (file: string) => secretBox(file).open('.env.age', Buffer.from('x'));

  it('that is not there, empty, or of SSH is refused by name', async () => {
    const file = path.join(folder, 'odd.key');
    await expect(opening('/nowhere/age.key')).rejects.toThrow(
      'the identity /nowhere/age.key does not exist; `steward secrets keygen` makes one',
    );
    writeFileSync(file, '# only a comment\n', { mode: 0o600 });
    await expect(opening(file)).rejects.toThrow(`${file} holds no key`);
    writeFileSync(file, '-----BEGIN OPENSSH PRIVATE KEY-----\n');
    await expect(opening(file)).rejects.toThrow('keys of SSH are not read');
    await expect(opening(folder)).rejects.toThrow(`${folder} is not a file`);
  });

  it('that others can read is refused', async () => {
    const { file } = await newKey();
    chmodSync(file, 0o640);
    await expect(opening(file)).rejects.toThrow(
      `can be read by others than its owner; run chmod 600 ${file}`,
    );
  });

  it('of somebody else is refused', async () => {
    expect(unsafe({ uid: 1000, mode: 0o100600 }, 0)).toBe(
      'belongs to the user with id 1000; run chown root FILE',
    );
    expect(unsafe({ uid: 0, mode: 0o100600 }, 1000)).toBe(null);
    expect(unsafe({ uid: 1000, mode: 0o100600 }, 1000)).toBe(null);
    if (process.getuid?.() !== 0) return;
    const { file } = await newKey();
    chownSync(file, 1000, 1000);
    await expect(opening(file)).rejects.toThrow(
      `${file} belongs to the user with id 1000; run chown root ${file}`,
    );
  });
});

it('a recipient that is none is named', async () => {
  const { recipient } = await newIdentity();
  await expect(encryptAge('', [recipient.slice(0, -1)])).rejects.toThrow('is no recipient of age');
});
