import { chmodSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CleanArchive } from '../../reconciler/backup/step-parts.ts';
import type { Step } from '../../reconciler/types.ts';
import { callBorg } from '../../tools/borg/call.ts';
import { archive, borgLab, listing, reference } from './backup-fixtures.ts';

describe('borg-init', () => {
  it('makes the repository where there is none', async () => {
    const lab = borgLab(
      `case "$1" in list) [ -e "$STATE/made" ] || exit 13; echo '${listing([])}' ;; init) touch "$STATE/made" ;; esac`,
    );
    const facts = await lab.run({ op: 'borg-init', repository: { ...lab.repository, appendOnly: true } });
    expect(lab.calls()).toEqual([
      'list --json --consider-checkpoints ssh://borg@backup/./photo',
      'init --make-parent-dirs -e repokey-blake2 --append-only ssh://borg@backup/./photo',
      'list --json --consider-checkpoints ssh://borg@backup/./photo',
    ]);
    expect(facts).toEqual({
      repository: { id: 'abc', encryption: 'repokey-blake2', archives: [], checkpoints: [] },
    });
  });

  it('adopts one that is there, and says where its encryption is another', async () => {
    const lab = borgLab(`echo '${listing(['old', 'old.checkpoint', 'old.checkpoint.1'], 'keyfile')}'`);
    expect(await lab.run({ op: 'borg-init', repository: lab.repository })).toEqual({
      repository: {
        id: 'abc',
        encryption: 'keyfile',
        archives: [{ name: 'old', id: 'id-old', atMs: Date.UTC(2026, 10, 23, 2), byHand: null }],
        checkpoints: ['old.checkpoint', 'old.checkpoint.1'],
      },
      heldBack:
        'ssh://borg@backup/./photo is encrypted with keyfile, although Git says repokey-blake2; that cannot be changed, and every archive goes into it as it is',
    });
    expect(lab.calls()).toEqual([
      'list --json --consider-checkpoints ssh://borg@backup/./photo',
      'info --progress --json --last 1 ssh://borg@backup/./photo',
      'list --json --format {comment} ssh://borg@backup/./photo',
    ]);
  });

  it('makes none where borg could not look', async () => {
    const lab = borgLab(
      `echo '{"type":"log_message","levelname":"WARNING","message":"Remote: ssh: connect to host backup port 22: Connection refused"}' >&2; exit 81`,
    );
    await expect(lab.run({ op: 'borg-init', repository: lab.repository })).rejects.toMatchObject({
      name: 'StepError',
      message:
        'the connection to ssh://borg@backup/./photo was closed: ssh: connect to host backup port 22: Connection refused',
      retryable: true,
    });
    expect(lab.calls()).toHaveLength(1);
  });
});

it('of several lines of ssh the one that says why is told', async () => {
  const lines = [
    'No ED25519 host key is known for backup and you have requested strict checking.',
    'Host key verification failed.',
  ].map((line) => `{"type":"log_message","levelname":"WARNING","message":"Remote: ${line}"}`);
  const lab = borgLab(`printf '%s\\n' '${lines.join("' '")}' >&2; exit 81`);
  await expect(lab.run({ op: 'borg-init', repository: lab.repository })).rejects.toThrow(
    'was closed: No ED25519 host key is known for backup and you have requested strict checking.',
  );
});

describe('borg-list of a repository that is known', () => {
  const known = { borgId: 'abc', id: 'borg-repository:datapool/services/photo' as const };

  it('tells what is in it', async () => {
    const lab = borgLab(`echo '${listing(['old'])}'`);
    const facts = await lab.run({ op: 'borg-list', repository: lab.repository, known });
    expect(facts).toMatchObject({ repository: { id: 'abc', archives: [{ name: 'old' }] } });
  });

  it.each([
    [13, 'there is no repository at ssh://borg@backup/./photo'],
    [
      15,
      'ssh://borg@backup/./photo is not a Borg repository, or one that was never finished; look at it and move it away',
    ],
  ])('makes none where it is gone (%i), and says how a new one is made', async (code, sentence) => {
    const lab = borgLab(`exit ${code}`);
    await expect(lab.run({ op: 'borg-list', repository: lab.repository, known })).rejects.toMatchObject({
      name: 'StepError',
      message: `${sentence}; one was there before: look for its disk, or, if it is lost for good, have a new one made with steward forget ${known.id}`,
    });
    expect(lab.calls()).toEqual(['list --json --consider-checkpoints ssh://borg@backup/./photo']);
  });

  it('takes no other one for it', async () => {
    const lab = borgLab(`echo '${listing(['old'])}'`);
    const other = { ...known, borgId: 'def' };
    await expect(lab.run({ op: 'borg-list', repository: lab.repository, known: other })).rejects.toThrow(
      `the repository at ssh://borg@backup/./photo is not the one that was there before, and was left alone; if it is meant to be used, steward forget ${known.id}`,
    );
  });
});

describe('borg-delete', () => {
  const clean: CleanArchive = { archive: archive().name, minFiles: 90, minBytes: 4_000 };
  const step: Extract<Step, { op: 'borg-delete' }> = {
    ...{ op: 'borg-delete', repository: reference },
    ...{ archives: ['a', 'gone', 'b.checkpoint', 'gone.checkpoint'], onlyAfter: clean },
  };
  const notFound = (name: string) =>
    `echo '{"type":"log_message","levelname":"WARNING","message":"Archive ${name} not found (2/4)."}' >&2`;

  it('is one call, by name; what is not there, which Borg 1.4 warns of, is done', async () => {
    const lab = borgLab(`${step.archives.map(notFound).join('\n')}\nexit 1`);
    expect(await lab.run({ ...step, repository: lab.repository })).toEqual({});
    expect(lab.calls()).toEqual([`delete --progress ssh://borg@backup/./photo::${step.archives.join(' ')}`]);
  });

  it('tells of what attempts that were cut off have left, where it was there', async () => {
    const lab = borgLab(['gone', 'gone.checkpoint'].map(notFound).join('\n'));
    expect(await lab.run({ ...step, repository: lab.repository })).toEqual({
      notes: ['what attempts that were cut off had left was deleted: b.checkpoint'],
    });
  });
});

it.each([
  ['list', 'none'],
  ['mount', 'of its own choice'],
])('borg %s loads for mounts: %s', async (command, loaded) => {
  const lab = borgLab(`echo "\${BORG_FUSE_IMPL:-of its own choice}"`);
  const { stdout } = await callBorg([command], lab.repository, {
    ...lab.options,
    borg: lab.options.commands.borg,
  });
  expect(stdout).toBe(loaded);
});

describe('a lock', () => {
  it('of ours that is stale is judged in a fresh namespace, and the call is made again', async () => {
    const lab = borgLab(
      `case "$1" in info) touch "$STATE/broken" ;; list) [ -e "$STATE/broken" ] || exit 73; echo '${listing([])}' ;; esac`,
    );
    await lab.run({ op: 'borg-list', repository: lab.repository });
    expect(lab.calls().map((call) => call.split(' ')[0])).toEqual(['list', 'info', 'list']);
  });

  it('of somebody else stays, and the error says so', async () => {
    const error = `echo '{"type":"log_message","levelname":"ERROR","msgid":"LockTimeout","message":"Failed to create/acquire the lock /r/lock.exclusive (timeout)."}' >&2; exit 73`;
    const lab = borgLab(error);
    await expect(lab.run({ op: 'borg-list', repository: lab.repository })).rejects.toMatchObject({
      message:
        'somebody else holds the lock of ssh://borg@backup/./photo: Failed to create/acquire the lock /r/lock.exclusive (timeout); where no borg is at work on it any more, borg break-lock ssh://borg@backup/./photo removes it',
      retryable: true,
    });
  });
});

describe('the passphrase', () => {
  it('is read by borg from its file alone, and never printed', async () => {
    const lab = borgLab('env > "$STATE/env"; echo "wrong: correct horse" >&2; exit 2');
    await expect(lab.run({ op: 'borg-list', repository: lab.repository })).rejects.toThrow(
      'borg failed: wrong: [passphrase]',
    );
    const env = readFileSync(path.join(path.dirname(lab.options.commands.borg), 'env'), 'utf8');
    expect(env).toContain(`BORG_PASSCOMMAND=cat -- ${lab.repository.passphraseFile}`);
    expect(env).not.toContain('correct horse');
  });

  it('must be for its owner alone', async () => {
    const lab = borgLab('');
    chmodSync(lab.repository.passphraseFile, 0o640);
    await expect(lab.run({ op: 'borg-list', repository: lab.repository })).rejects.toThrow(
      /^the passphrase file .* can be read by others than its owner; run chmod 600 /,
    );
    expect(lab.calls()).toEqual([]);
  });

  it('must be there', async () => {
    const lab = borgLab('');
    const repository = { ...lab.repository, passphraseFile: '/nowhere/at/all' };
    await expect(lab.run({ op: 'borg-list', repository })).rejects.toThrow(
      'the passphrase file /nowhere/at/all does not exist; write the passphrase into it, mode 0600',
    );
  });
});

describe('a borg that does not end', () => {
  it('is ended when it says nothing any more', async () => {
    const lab = borgLab('exec sleep 60');
    const { hostExecutor } = await import('../../reconciler/apply/host.ts');
    const executor = hostExecutor({ ...lab.options, borgIdleMs: 300 });
    await expect(executor.execute({ op: 'borg-compact', repository: lab.repository }, {})).rejects.toThrow(
      'borg said nothing for 0.3 s and was ended',
    );
  });

  it('is ended when Steward is told to stop', async () => {
    const lab = borgLab('exec sleep 60');
    const signal = AbortSignal.timeout(300);
    await expect(lab.run({ op: 'borg-compact', repository: lab.repository }, { signal })).rejects.toThrow(
      'borg was ended: Steward was told to stop',
    );
  });

  it('is said to be missing where it is', async () => {
    const lab = borgLab('');
    const { hostExecutor } = await import('../../reconciler/apply/host.ts');
    const executor = hostExecutor({ ...lab.options, commands: { borg: '/nowhere/borg' } });
    await expect(executor.execute({ op: 'borg-list', repository: lab.repository }, {})).rejects.toThrow(
      /a program is not installed: .*\/nowhere\/borg: not found/,
    );
  });
});
