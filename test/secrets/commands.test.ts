import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { encryptAge } from '../../tools/secrets/age.ts';
import { ownMemory } from '../../tools/secrets/env-files.ts';
import { git } from '../cli/lab.ts';
import { ended, expectRefusal, start, steward } from '../cli/steward.ts';
import { newKey, type TestKey } from './keys.ts';
import { sopsDotenv } from './sops-encoder.ts';

let root: string;
let key: TestKey;
let flags: string[];
const file = () => path.join(root, 'services/photo/.env.age');
const lab = (...recipients: string[]) =>
  `version: 1\nname: homelab\nsecrets: { recipients: [${recipients.join(', ')}] }\n`;
const write = (name: string, text: string) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), text);
};
const sealed = (text: string, ...recipients: string[]) =>
  encryptAge(text, recipients.length > 0 ? recipients : [key.recipient]);
const opened = async (box = key.box) => box.open('.env.age', readFileSync(file()));

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'steward-secrets-'));
  key = await newKey();
  flags = ['-C', root, '--identity', key.file];
  write('lab.yaml', lab(key.recipient));
  write('services/photo/compose.yaml', 'services: { web: { image: web } }\n');
});

/** An editor that does what the script says to the file in `$1`. */
function editor(script: string): { env: Record<string, string>; log: string } {
  const [command, log] = [path.join(root, 'editor'), path.join(root, 'log')];
  writeFileSync(command, `#!/bin/sh\nLOG=${log}\n${script}\n`);
  chmodSync(command, 0o755);
  return { env: { VISUAL: command, EDITOR: 'false' }, log };
}

const plainLeft = () => {
  const folder = path.join(ownMemory().runDir, 'env');
  const all = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  return all.filter(
    (entry) => entry.isFile() && readFileSync(path.join(entry.parentPath, entry.name), 'utf8').includes(root),
  );
};

describe('edit', () => {
  it('writes what the editor leaves, for the recipients, and the plain file was in memory for its owner alone', async () => {
    const { env, log } = editor(
      `stat -f -c %T "$1" > "$LOG"; stat -c %a "$1" >> "$LOG"; echo "PASSWORD=${root}" > "$1"`,
    );
    const { code, stderr, stdout } = await steward(['secrets', 'edit', 'photo', ...flags], { env });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: 'services/photo/.env.age is written, for 1 recipient.\n',
    });
    expect(await opened()).toBe(`PASSWORD=${root}\n`);
    expect(readFileSync(log, 'utf8')).toMatch(/^(tmpfs|ramfs)\n600\n$/);
    expect(plainLeft()).toEqual([]);
  });

  it('shows what there is, and writes nothing where nothing was changed', async () => {
    const before = await sealed(`PASSWORD=${root}\n`);
    write('services/photo/.env.age', before);
    const { env, log } = editor('cat "$1" > "$LOG"');
    const { code, stderr } = await steward(['secrets', 'edit', 'photo', ...flags], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'services/photo/.env.age is as it was.\n' });
    expect(readFileSync(log, 'utf8')).toBe(`PASSWORD=${root}\n`);
    expect(readFileSync(file(), 'utf8')).toBe(before);
  });

  it.each([
    ['fails', 'echo "NEW=1" > "$1"; exit 3', /the editor \(.*\) ended with exit code 3; nothing was changed/],
    ['removes the file', 'rm "$1"', /left no file; nothing was changed/],
    [
      'leaves no environment file',
      'printf "A=1\\nhunter2 nonsense\\n" > "$1"',
      /what you wrote cannot be used: its line 2 is not NAME=value; nothing was changed/,
    ],
  ])('an editor that %s changes nothing, and no word of the file is told', async (_what, script, words) => {
    const before = await sealed(`PASSWORD=${root}\n`);
    write('services/photo/.env.age', before);
    const result = await steward(['secrets', 'edit', 'photo', ...flags], { env: editor(script).env });
    expectRefusal(result, words);
    expect(result.stderr).not.toContain('hunter2');
    expect(readFileSync(file(), 'utf8')).toBe(before);
    expect(plainLeft()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends the editor, wipes the plain text and keeps what was there',
    async (signal) => {
      const before = await sealed(`PASSWORD=${root}\n`);
      write('services/photo/.env.age', before);
      const { env, log } = editor('echo "NEW=1" >> "$1"; echo "$1" > "$LOG"; exec sleep 60');
      const child = start(['secrets', 'edit', 'photo', ...flags], { env });
      await expect
        .poll(() => existsSync(log) && readFileSync(log, 'utf8').endsWith('\n'), { timeout: 20_000 })
        .toBe(true);
      child.kill(signal);
      const result = await ended(child);
      expectRefusal(result, /ended with (SIGTERM|exit code 143); nothing was changed/);
      expect(existsSync(readFileSync(log, 'utf8').trim())).toBe(false);
      expect(readFileSync(file(), 'utf8')).toBe(before);
    },
  );

  it('needs recipients, a service, and a key that opens what there is', async () => {
    const { env } = editor('echo "A=1" > "$1"');
    expectRefusal(
      await steward(['secrets', 'edit', 'foto', ...flags], { env }),
      /there is no services\/foto; did you mean photo\?/,
    );
    write('services/photo/.env.age', await sealed('A=1\n', (await newKey()).recipient));
    expectRefusal(
      await steward(['secrets', 'edit', 'photo', ...flags], { env }),
      /is not among the recipients of services\/photo\/\.env\.age/,
    );
    write('lab.yaml', lab(`${key.recipient.slice(0, -1)}${key.recipient.endsWith('q') ? 'p' : 'q'}`));
    expectRefusal(
      await steward(['secrets', 'edit', 'photo', ...flags], { env }),
      /secrets\.recipients of lab\.yaml is no recipient of age/,
    );
    write('lab.yaml', 'version: 1\nname: homelab\n');
    write('services/git/compose.yaml', 'services: {}\n');
    expectRefusal(
      await steward(['secrets', 'edit', 'git', ...flags], { env }),
      /lab\.yaml names no recipients/,
    );
  });
});

describe('encrypt', () => {
  it("takes the service's .env, proves what it wrote, and says that Git still knows it", async () => {
    write('services/photo/.env', 'PASSWORD=correcthorse\n');
    const { code, stderr } = await steward(['secrets', 'encrypt', 'photo', ...flags]);
    expect(code).toBe(0);
    expect(stderr).toContain('The plain .env is removed');
    expect(stderr.replaceAll('\n', ' ')).toContain("stays in Git's history");
    expect(stderr).not.toContain('correcthorse');
    expect(await opened()).toBe('PASSWORD=correcthorse\n');
    expect(existsSync(path.join(root, 'services/photo/.env'))).toBe(false);
  });

  it('keeps the plain file where the key to prove it is not here', async () => {
    write('services/photo/.env', 'PASSWORD=correcthorse\n');
    const { code, stderr } = await steward([
      'secrets',
      'encrypt',
      'photo',
      '-C',
      root,
      '--identity',
      '/nowhere/age.key',
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('The plain .env is still there');
    expect(existsSync(path.join(root, 'services/photo/.env'))).toBe(true);
    expect(await opened()).toBe('PASSWORD=correcthorse\n');
  });

  it('takes another file, and takes the place of nothing', async () => {
    write('other.env', 'A=1\n');
    const other = path.join(root, 'other.env');
    expect((await steward(['secrets', 'encrypt', 'photo', other, ...flags])).code).toBe(0);
    expect(existsSync(other)).toBe(true);
    expectRefusal(
      await steward(['secrets', 'encrypt', 'photo', other, ...flags]),
      /is there already; `steward secrets edit photo` changes it/,
    );
  });
});

describe('rekey', () => {
  it('lets a new recipient in and an old one out, and one that fails does not keep the others', async () => {
    const [added, stranger] = [await newKey(), await newKey()];
    write('services/photo/.env.age', await sealed('A=1\n'));
    write('services/git/compose.yaml', 'services: {}\n');
    write('services/git/.env.age', await sealed('B=2\n', stranger.recipient));
    write('lab.yaml', lab(added.recipient));
    const { code, stderr } = await steward(['secrets', 'rekey', ...flags]);
    expect(code).toBe(1);
    expect(stderr).toContain('is not among the recipients of services/git/.env.age');
    expect(await opened(added.box)).toBe('A=1\n');
    await expect(opened()).rejects.toThrow('is not among the recipients');
    expect(await steward(['secrets', 'rekey', 'photo', '-C', root, '--identity', added.file])).toMatchObject({
      code: 0,
      stderr: 'services/photo/.env.age is encrypted for 1 recipient.\n',
    });
  });
});

describe('check', () => {
  const found = async () => {
    const { code, stdout, stderr } = await steward(['secrets', 'check', ...flags]);
    expect(stdout + stderr).not.toMatch(/correcthorse|hunter22/);
    return { code, lines: stdout.split('\n').filter(Boolean) };
  };

  it('finds plain secrets with file and line, what is not for the recipients, and never tells a value', async () => {
    write('services/photo/.env', 'A=1\nDB_PASSWORD=correcthorse\n');
    write(
      'services/photo/compose.yaml',
      'services:\n  web:\n    image: web\n    environment:\n      API_TOKEN: hunter22\n',
    );
    write('services/photo/.env.age', await sealed('A=1\n', key.recipient, (await newKey()).recipient));
    write(
      'services/photo/.sops.env',
      await sopsDotenv([['A', 'x']], { recipients: [(await newKey()).recipient] }),
    );
    const advice = 'put it into .env.age (steward secrets edit), and change it where it is used';
    expect(await found()).toEqual({
      code: 1,
      lines: [
        `services/photo/.env:2:1 a plain value of DB_PASSWORD; ${advice}`,
        `services/photo/compose.yaml:5:7 a plain value of API_TOKEN; ${advice}`,
        'services/photo/.env.age:1:1 is encrypted for 2 keys, and lab.yaml names 1 recipient; run steward secrets rekey',
        'services/photo/.sops.env:1:1 is not encrypted for the recipients of lab.yaml; run sops updatekeys',
      ],
    });
  });

  it('finds nothing in what is encrypted for the recipients, nor in what Git ignores', async () => {
    write('services/photo/.env.age', await sealed('PASSWORD=correcthorse\n'));
    write(
      'services/photo/.sops.env',
      await sopsDotenv([['PASSWORD', 'correcthorse']], { recipients: [key.recipient] }),
    );
    write('services/photo/local.env', 'PASSWORD=correcthorse\n');
    expect((await found()).code).toBe(1);
    await git(root, 'init', '--quiet');
    write('.gitignore', '*local.env\n');
    expect(await found()).toEqual({ code: 0, lines: [] });
  });
});

it('keygen writes a key that only its owner reads, prints its recipient, and takes the place of none', async () => {
  const made = path.join(root, 'keys/age.key');
  const { code, stdout, stderr } = await steward(['secrets', 'keygen', '--identity', made]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^age1[0-9a-z]+\n$/) });
  expect(statSync(made).mode & 0o777).toBe(0o600);
  expect(stdout + stderr).not.toContain('AGE-SECRET');
  const before = readFileSync(made, 'utf8');
  expectRefusal(await steward(['secrets', 'keygen', '--identity', made]), /is there already/);
  expect(readFileSync(made, 'utf8')).toBe(before);
  write('services/photo/.env.age', await sealed('A=1\n', stdout.trim()));
  write('lab.yaml', lab(stdout.trim()));
  expect((await steward(['secrets', 'rekey', '-C', root, '--identity', made])).code).toBe(0);
});
