import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { borgEnvironment } from '../../tools/borg/environment.ts';
import { leashed } from '../../tools/borg/leash.ts';
import { emptyLog, readLogLine } from '../../tools/borg/log.ts';
import { runLeashed } from '../../tools/borg/process.ts';
import { borgFailure, isWarning } from '../../tools/borg/sentences.ts';
import type { BorgRepository } from '../../tools/borg/types.ts';

const repository: BorgRepository = {
  location: 'ssh://borg@backup/./photo',
  encryption: 'repokey-blake2',
  passphraseFile: '/etc/steward/pass phrase',
  identity: '/etc/steward/key',
  knownHosts: '/etc/steward/known hosts',
  keysDirectory: '/etc/steward/keys',
};

describe('the environment of borg', () => {
  it('is whole, and has no secret in it', async () => {
    const env = await borgEnvironment(repository, { stateDir: '/var/lib/steward' });
    const { BORG_HOST_ID: host, PATH: _path, HOME: _home, ...rest } = env;
    expect(host).toMatch(/^steward-[0-9a-f]{16}@steward$/);
    expect(rest).toEqual({
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      BORG_EXIT_CODES: 'modern',
      BORG_BASE_DIR: '/var/lib/steward/borg',
      BORG_RSH: expect.stringMatching(/^setpriv --pdeathsig KILL ssh /),
      BORG_DISPLAY_PASSPHRASE: 'no',
      BORG_PASSCOMMAND: "cat -- '/etc/steward/pass phrase'",
      BORG_KEYS_DIR: '/etc/steward/keys',
    });
  });

  it('has an ssh that asks nothing and trusts only who is known', async () => {
    const { BORG_RSH: shell = '' } = await borgEnvironment(repository, { stateDir: '/s' });
    const options = shell.split(' -o ').map((option) => option.replaceAll("'", ''));
    expect(options).toEqual(
      expect.arrayContaining([
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        'UserKnownHostsFile="/etc/steward/known hosts"',
        'IdentityFile=/etc/steward/key',
      ]),
    );
  });

  it('lets borg open what is not encrypted only where that is declared', async () => {
    const bare = { ...repository, encryption: 'none', passphraseFile: null, keysDirectory: null };
    const env = await borgEnvironment(bare, { stateDir: '/s' });
    expect(env).toMatchObject({ BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' });
    expect(env).not.toHaveProperty('BORG_PASSCOMMAND');
  });

  it('has another host id for another state folder', async () => {
    const [one, two] = [
      await borgEnvironment(repository, { stateDir: '/a' }),
      await borgEnvironment(repository, { stateDir: '/b' }),
    ];
    expect(one.BORG_HOST_ID).not.toBe(two.BORG_HOST_ID);
  });
});

describe('the leash', () => {
  it('ends a program with its parent, even at kill -9', async () => {
    const script = `const { spawn } = require('node:child_process');
      const [file, ...args] = ${JSON.stringify(leashed(['sleep', '60'], 0))}.map((w) => (w === '0' ? String(process.pid) : w));
      console.log(spawn(file, args, { stdio: 'ignore' }).pid);`;
    const parent = spawn(process.execPath, ['-e', `${script} setInterval(() => {}, 1000)`]);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await expect.poll(() => programOf(pid)).toBe('sleep');
    parent.kill('SIGKILL');
    await expect.poll(() => programOf(pid)).toBeNull();
  });

  it('does not begin under another parent', async () => {
    const [file = '', ...args] = leashed(['sh', '-c', 'echo begun'], 1);
    const child = spawn(file, args);
    const [code] = await once(child, 'exit');
    expect(code).toBe(1);
  });
});

async function programOf(pid: number): Promise<string | null> {
  const { readFile } = await import('node:fs/promises');
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tZ');
  return /^State:\s*Z/m.test(status) ? null : (/^Name:\s*(\S+)/m.exec(status)?.[1] ?? null);
}

describe('a code becomes a sentence:', () => {
  it.each<[number, RegExp, boolean]>([
    [13, /^there is no repository at ssh:/, true],
    [52, /^the passphrase in \/etc\/steward\/pass phrase is not the one of ssh:/, false],
    [60, /is not encrypted, although repokey-blake2 is declared/, false],
    [62, /was at another place before/, false],
    [64, /is older than what was seen before/, false],
    [90, /is damaged; run borg check/, true],
    [143, /^borg was ended by signal 15/, true],
    [99, /^borg failed \(exit code 99\)/, true],
  ])('%i', (code, sentence, retryable) => {
    expect(borgFailure(code, emptyLog(), repository)).toMatchObject({
      message: expect.stringMatching(sentence),
      exitCode: code,
      retryable,
    });
  });

  it('the exception of a traceback is the fault, not the versions after it', () => {
    // Borg 1.4.0 over SSH, of a folder that the user may not enter; shortened.
    const log = emptyLog();
    for (const message of [
      'Traceback (most recent call last):\n\n  File "remote.py", line 252, in serve\n    res = f(**args)\n\nPermissionError: [Errno 13] Permission denied: \'/root/nope/photo\'\n',
      'Borg server: Platform: Linux lab 6.12\nBorg server: Borg: 1.4.0\nPlatform: Linux lab 6.12\n',
    ]) {
      readLogLine(JSON.stringify({ type: 'log_message', levelname: 'ERROR', message }), log);
    }
    expect(borgFailure(2, log, repository).message).toBe(
      "borg failed: PermissionError: [Errno 13] Permission denied: '/root/nope/photo'",
    );
  });

  it.each([
    ['Repository.ObjectNotFound', 17],
    ['IntegrityError', 90],
    ['DecompressionError', 92],
  ])('borg 1.2 has no code of its own for %s, and is understood', (msgid, code) => {
    const log = emptyLog();
    // The traceback comes after it, without a name.
    for (const more of [
      { msgid, message: 'x' },
      { message: 'Traceback (most recent call last):\n  File "x"' },
    ])
      readLogLine(JSON.stringify({ type: 'log_message', levelname: 'ERROR', ...more }), log);
    expect(borgFailure(2, log, repository).exitCode).toBe(code);
  });

  const lost = (...lines: string[]) => ['Traceback (most recent call last):', ...lines].join('\n');
  const noSpace = 'OSError: [Errno 28] No space left on device';
  const quota = 'OSError: [Errno 122] Disk quota exceeded';
  const lockOf = (folder: string) =>
    `Failed to create/acquire the lock ${folder}/lock.exclusive ([Errno 122] Disk quota exceeded: 'x').`;

  it.each<[string, string, string, string]>([
    [
      'of the repository',
      lost('  File "/usr/lib/python3/dist-packages/borg/repository.py", line 1714, in write_put', quota),
      `the disk of ${repository.location} is full, or its quota is used up`,
      quota,
    ],
    [
      'of the repository, when it is opened',
      lockOf('/backup/photo'),
      `the disk of ${repository.location} is full, or its quota is used up`,
      lockOf('/backup/photo'),
    ],
    [
      'of the cache',
      lost('  File "/usr/lib/python3/dist-packages/borg/cache.py", line 9, in commit', noSpace),
      "the disk of Borg's cache below Steward's state folder is full",
      noSpace,
    ],
    [
      'of the cache, when it is opened',
      lockOf('/var/lib/steward/borg/.cache/borg/0123'),
      "the disk of Borg's cache below Steward's state folder is full",
      lockOf('/var/lib/steward/borg/.cache/borg/0123'),
    ],
    [
      'that it extracts to, in the middle of a file',
      'a/b: write: [Errno 28] No space left on device',
      'there is no room left where it is restored to, so make room or raise a quota there',
      'a/b: write: [Errno 28] No space left on device',
    ],
    [
      'that it extracts to, at the end of one',
      lost('  File "/usr/lib/python3/dist-packages/borg/archive.py", line 826, in extract_item', noSpace),
      'there is no room left where it is restored to, so make room or raise a quota there',
      noSpace,
    ],
    [
      'of the repository that it extracts from',
      lost(
        '  File "a/borg/repository.py", line 9, in get',
        '  File "a/borg/archive.py", in extract_item',
        quota,
      ),
      `the disk of ${repository.location} is full, or its quota is used up`,
      quota,
    ],
    [
      'of who knows what',
      lost('  File "x"', noSpace),
      "a disk is full, of the repository or of Borg's cache",
      noSpace,
    ],
  ])('a full disk %s is named whatever the code', (_whose, message, sentence, cause) => {
    const log = { ...emptyLog(), warnings: [message], error: message };
    const failure = borgFailure(2, log, repository);
    expect(failure.message).toBe(`${sentence}: ${cause}`);
    expect(failure.retryable).toBe(true);
  });

  it.each([
    ['/backup/photo is not a valid repository. Check repo config.', 15, /is not a Borg repository/],
    [
      lost('  File "x"', 'configparser.MissingSectionHeaderError: File contains no section headers.'),
      16,
      /has a damaged config file/,
    ],
  ])('a server that only says %j is understood', (error, exitCode, sentence) => {
    const failure = borgFailure(2, { ...emptyLog(), error }, repository);
    expect(failure).toMatchObject({ exitCode, retryable: false });
    expect(failure.message).toMatch(sentence);
    expect(failure.message).toContain(repository.location);
  });

  it('a shell that finds no program is no warning', () => {
    expect([1, 100, 107, 126, 127].map(isWarning)).toEqual([true, true, true, false, false]);
  });
});

describe('the lines of borg', () => {
  const lines = async (script: string, onLine: (line: string) => Promise<void> | void, idleMs = 20_000) =>
    runLeashed(['sh', '-c', script], {
      env: process.env as Record<string, string>,
      onErrorLine,
      onLine,
      idleMs,
      works: '/backup',
    });
  const onErrorLine = () => {};

  it('wait for who takes them, whose slowness is no hanging of borg', async () => {
    const taken: string[] = [];
    const slow = async (line: string) => {
      await sleep(300);
      taken.push(line);
    };
    const end = await lines('echo one; echo two', slow, 200);
    expect(taken).toEqual(['one', 'two']);
    expect(end.exitCode).toBe(0);
  });

  it('end the call where they are not taken', async () => {
    const refused = new Error('not that');
    const refuse = () => {
      throw refused;
    };
    await expect(lines('echo one; exec sleep 60', refuse)).rejects.toBe(refused);
  });

  it('that do not come for long end it', async () => {
    await expect(lines('exec sleep 60', () => {}, 200)).rejects.toThrow('borg said nothing for 0.2 s');
  });
});
