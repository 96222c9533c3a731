import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Repository } from '../../desired-state/repository.ts';
import { runOk } from '../../tools/run.ts';
import {
  makeOrigin,
  type Origin,
  opened,
  refused,
  synced,
  temporaryDirectory,
} from './repository-fixture.ts';

let folder: string;
let origin: Origin;
beforeEach(async () => {
  folder = temporaryDirectory();
  origin = await makeOrigin({});
});

async function sshKey(name: string): Promise<string> {
  const file = path.join(folder, name);
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return file;
}

/** A commit of `content`, signed by an SSH key; by none where it is null. */
async function commitBy(key: string | null, content: string): Promise<string> {
  const signing =
    key === null
      ? ['commit.gpgSign=false']
      : ['commit.gpgSign=true', 'gpg.format=ssh', `user.signingKey=${key}`];
  for (const each of signing) await origin.git('config', ...(each.split('=', 2) as [string, string]));
  return origin.commit({ 'lab.yaml': content }, content.trim());
}

function allow(...keys: string[]): string {
  const file = path.join(folder, 'allowed_signers');
  const lines = keys.map((key) => `${path.basename(key)}@example.org ${readFileSync(`${key}.pub`, 'utf8')}`);
  writeFileSync(file, lines.join(''), { mode: 0o644 });
  return file;
}

const following = (allowedSigners: string[], stateDir?: string): Repository =>
  opened(origin.work, { allowedSigners, ...(stateDir === undefined ? {} : { stateDir }) }).repository;

describe('commits signed with SSH keys', () => {
  it('are applied where the key is allowed; the last of these stays where the newest is signed by nobody or another', async () => {
    const [ada, eve] = [await sshKey('ada'), await sshKey('eve')];
    const repository = following([allow(ada)]);
    const good = await commitBy(ada, 'one\n');
    expect(await synced(repository)).toBe(good);
    const unsigned = await commitBy(null, 'two\n');
    expect(await refused(repository)).toMatchObject({
      commit: { id: good },
      refused: { id: unsigned, subject: 'two' },
      retryable: false,
      error: `commit ${unsigned.slice(0, 7)} "two" is not applied: it is not signed (${folder}/allowed_signers)`,
    });
    const foreign = await commitBy(eve, 'three\n');
    const { error, commit } = await refused(repository);
    expect(commit?.id).toBe(good);
    expect(error).toMatch(
      new RegExp(
        `^commit ${foreign.slice(0, 7)} "three" is not applied: it is signed by the key SHA256:\\S+, which is not an allowed signer`,
      ),
    );
    const commitById = await commitBy(ada, 'four\n');
    expect(await synced(repository)).toBe(commitById);
  });

  it('are none where the signature was put onto another content', async () => {
    const ada = await sshKey('ada');
    await commitBy(ada, 'one\n');
    const signed = await origin.git('cat-file', 'commit', 'HEAD');
    const forged = path.join(folder, 'forged');
    writeFileSync(forged, signed.replace(/\none\n$/, '\nevil\n'));
    const id = (await origin.git('hash-object', '-t', 'commit', '-w', forged)).trim();
    await origin.git('update-ref', 'refs/heads/main', id);
    const { error, commit } = await refused(following([allow(ada)]));
    expect(error).toContain('its signature does not fit its content');
    expect(commit).toBeNull();
  });

  it('stay in force when their key is taken out, and it signs nothing new', async () => {
    const [ada, bob] = [await sshKey('ada'), await sshKey('bob')];
    const repository = following([allow(ada, bob)]);
    const good = await commitBy(ada, 'one\n');
    await synced(repository);
    allow(bob);
    expect(await synced(repository)).toBe(good);
    await commitBy(ada, 'two\n');
    expect((await refused(repository)).commit?.id).toBe(good);
    const commitById = await commitBy(bob, 'three\n');
    expect(await synced(repository)).toBe(commitById);
  });

  it('are asked for also where an unsigned one is in force when the keys are named', async () => {
    const ada = await sshKey('ada');
    await commitBy(null, 'one\n');
    const { repository, stateDir } = opened(origin.work);
    await synced(repository);
    const { commit, refused: which } = await refused(following([allow(ada)], stateDir));
    expect({ commit, which: which?.subject }).toEqual({ commit: null, which: 'one' });
  });

  it('end with the time that a key is allowed for', async () => {
    const ada = await sshKey('ada');
    const file = allow(ada);
    const id = await commitBy(ada, 'one\n');
    expect(await synced(following([file]))).toBe(id);
    writeFileSync(file, `ada valid-before="20200101" ${readFileSync(`${ada}.pub`, 'utf8')}`);
    expect((await refused(following([file]))).error).toContain('which is not an allowed signer');
  });
});

describe('commits signed with GPG keys', () => {
  let home: string;
  const gpg = (...args: string[]) => runOk('gpg', ['--homedir', home, '--batch', '--quiet', ...args]);
  beforeEach(() => {
    home = path.join(folder, 'gpg');
    mkdirSync(home, { mode: 0o700 });
    return async () => {
      await runOk('gpgconf', ['--homedir', home, '--kill', 'all']);
    };
  });

  async function gpgKey(name: string): Promise<string> {
    await gpg(
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      '--quick-gen-key',
      `${name} <${name}@example.org>`,
      'ed25519',
      'sign',
      'never',
    );
    const file = path.join(folder, `${name}.asc`);
    writeFileSync(file, await gpg('--armor', '--export', name));
    return file;
  }

  async function gpgCommit(name: string, content: string): Promise<string> {
    const program = path.join(folder, 'gpg-here');
    writeFileSync(program, `#!/bin/sh\nexec gpg --homedir '${home}' "$@"\n`, { mode: 0o755 });
    for (const [key, value] of Object.entries({
      'commit.gpgSign': 'true',
      'gpg.format': 'openpgp',
      'gpg.program': program,
      'user.signingKey': name,
    }))
      await origin.git('config', key, value);
    return origin.commit({ 'lab.yaml': content });
  }

  it('are applied where the key is allowed, beside SSH keys, and leave nothing running', async () => {
    const [ada, eve, bob] = [await gpgKey('ada'), await gpgKey('eve'), await sshKey('bob')];
    const repository = following([ada, allow(bob)]);
    const good = await gpgCommit('ada', 'one\n');
    expect(await synced(repository)).toBe(good);
    await gpgCommit('eve', 'two\n');
    expect((await refused(repository)).error).toMatch(
      /is signed by the key [0-9A-F]+, which is not an allowed signer/,
    );
    const commitById = await commitBy(bob, 'three\n');
    expect(await synced(repository)).toBe(commitById);
    const gpgCommitId = await gpgCommit('eve', 'four\n');
    expect(await synced(following([eve]))).toBe(gpgCommitId);
  });

  it('are asked of the keys in the file, never of the keyring of whoever runs Steward', async () => {
    const ada = await gpgKey('ada');
    const eve = await gpgKey('eve');
    await gpgCommit('eve', 'one\n');
    process.env.GNUPGHOME = home;
    try {
      expect((await refused(following([ada]))).error).toContain('which is not an allowed signer');
      expect(await synced(following([eve]))).toMatch(/^[0-9a-f]{40}$/);
    } finally {
      delete process.env.GNUPGHOME;
    }
  });
});

describe('a file of allowed signers', () => {
  it.each([
    ['that is not there', (file: string) => rmSync(file), 'does not exist'],
    [
      'that others may write',
      (file: string) => chmodSync(file, 0o666),
      'can be written by others; chown root and chmod 644 it',
    ],
    ['that is empty', (file: string) => writeFileSync(file, '\n'), 'is empty'],
    [
      'with half a GPG key',
      (file: string) => writeFileSync(file, '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n'),
      'could not be read',
    ],
  ])('%s stops new commits, and keeps the last good one', async (_, spoil, sentence) => {
    const ada = await sshKey('ada');
    const file = allow(ada);
    const { repository, stateDir } = opened(origin.work, { allowedSigners: [file] });
    const good = await commitBy(ada, 'one\n');
    await synced(repository);
    spoil(file);
    await commitBy(ada, 'two\n');
    const { error, commit, refused: which } = await refused(repository);
    expect(error).toContain(sentence);
    expect(error).toContain(file);
    expect({ id: commit?.id, which }).toEqual({ id: good, which: null });
    expect(readdirSync(path.join(stateDir, 'signers'))).toHaveLength(1);
  });
});
