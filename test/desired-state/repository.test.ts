import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runOk } from '../../tools/run.ts';
import { makeOrigin, opened, refused, synced, temporaryDirectory } from './repository-fixture.ts';

describe('following a ref', () => {
  it('takes the default branch, says what it got, and asks without fetching when nothing moved', async () => {
    const origin = await makeOrigin();
    const { repository, stateDir } = opened(`file://${origin.work}`);
    const first = await repository.sync();
    expect(first).toMatchObject({ ok: true, changed: true, commit: { subject: 'first', branch: 'main' } });
    const store = path.join(stateDir, 'repository.git');
    const before = readdirSync(store, { recursive: true });
    const mtimes = before.map((name) => statSync(path.join(store, String(name))).mtimeMs);
    expect(await repository.sync()).toMatchObject({ ok: true, changed: false });
    expect(before.map((name) => statSync(path.join(store, String(name))).mtimeMs)).toEqual(mtimes);
    const next = await origin.commit({ 'lab.yaml': 'two\n' }, 'Add "x" ü');
    expect(await repository.sync()).toMatchObject({
      ok: true,
      changed: true,
      commit: { id: next, subject: 'Add "x" ü' },
    });
  });

  it('is new to nobody after a restart', async () => {
    const origin = await makeOrigin();
    const { repository, stateDir } = opened(origin.work);
    await synced(repository);
    expect(await opened(origin.work, { stateDir }).repository.sync()).toMatchObject({
      ok: true,
      changed: false,
    });
  });

  it('follows a branch by its full name and never one that merely ends like it', async () => {
    const origin = await makeOrigin();
    const old = (await origin.git('rev-parse', 'HEAD')).trim();
    await origin.git('branch', 'refs/heads/live');
    expect((await refused(opened(origin.work, { branch: 'live' }).repository)).error).toContain(
      'no branch live',
    );
    await origin.git('branch', 'live');
    await origin.commit({ 'lab.yaml': 'two\n' });
    expect(await synced(opened(origin.work, { branch: 'live' }).repository)).toBe(old);
  });

  it.each([[[]], [['-a', '-m', 'annotated']]])('follows a tag that moves (%j)', async (flags) => {
    const origin = await makeOrigin();
    await origin.git('tag', ...flags, 'v1');
    const { repository } = opened(origin.work, { tag: 'v1' });
    await synced(repository);
    const next = await origin.commit({ 'lab.yaml': 'two\n' });
    await origin.git('tag', '-f', ...flags, 'v1');
    expect(await repository.sync()).toMatchObject({
      ok: true,
      changed: true,
      commit: { id: next, branch: 'v1' },
    });
    expect(await repository.sync()).toMatchObject({ ok: true, changed: false });
  });

  it('survives a rewritten history, and can still make the commit before it', async () => {
    const origin = await makeOrigin();
    const { repository, checkout } = opened(origin.work);
    const old = await synced(repository);
    await origin.git('checkout', '-q', '--orphan', 'other');
    const next = await origin.commit({ 'lab.yaml': 'rewritten\n' });
    await origin.git('branch', '-M', 'other', 'main');
    expect(await synced(repository)).toBe(next);
    await repository.promote(next);
    await repository.promote(old);
    expect(statSync(path.join(checkout, 'lab.yaml')).size).toBe('one\n'.length);
  });
});

describe('a remote that fails', () => {
  it('keeps the last commit in force when the branch is deleted, and goes on when it is back', async () => {
    const origin = await makeOrigin();
    await origin.git('branch', 'live');
    const { repository } = opened(origin.work, { branch: 'live' });
    const id = await synced(repository);
    await origin.git('branch', '-D', 'live');
    expect(await repository.sync()).toMatchObject({
      ok: false,
      retryable: true,
      error: 'the remote has no branch live',
      commit: { id },
    });
    await origin.git('branch', 'live');
    expect(await synced(repository)).toBe(id);
  });

  it('an empty repository is told as one, until the first push', async () => {
    const origin = await makeOrigin({});
    const { repository } = opened(origin.work);
    expect(await refused(repository)).toMatchObject({
      commit: null,
      error: expect.stringContaining('is empty'),
    });
    const id = await origin.commit({ 'lab.yaml': 'one\n' });
    expect(await synced(repository)).toBe(id);
  });

  it('a repository that is gone keeps the last commit in force', async () => {
    const origin = await makeOrigin();
    const { repository } = opened(origin.work);
    const id = await synced(repository);
    rmSync(origin.work, { recursive: true });
    expect(await repository.sync()).toMatchObject({
      ok: false,
      commit: { id },
      error: expect.stringContaining('there is no Git repository there'),
    });
  });

  it('refused connections are a sentence', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((done) => server.close(done));
    const { error, retryable } = await refused(opened(`http://user:s3cret@127.0.0.1:${port}/x`).repository);
    expect([error.includes('clear text'), retryable]).toEqual([true, false]);
    expect(error).not.toContain('s3cret');
    const plain = await refused(opened(`http://127.0.0.1:${port}/x`).repository);
    expect(plain).toMatchObject({ retryable: true, error: expect.stringContaining('connection refused') });
  });

  it.each(['http', 'ssh'])('a remote that accepts and is silent ends at the timeout (%s)', async (scheme) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket));
    const port = await listening(server);
    const { repository } = opened(`${scheme}://127.0.0.1:${port}/x`, { timeoutMs: 300 });
    expect(await refused(repository)).toMatchObject({
      retryable: true,
      error: expect.stringContaining('no answer within 0.3 s'),
    });
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('a sync that is stopped says so', async () => {
    const origin = await makeOrigin();
    expect(await opened(origin.work).repository.sync(AbortSignal.abort())).toMatchObject({
      ok: false,
      error: 'stopped',
    });
  });
});

describe('a state directory that cannot be used', () => {
  it('is named when a file stands in its way', async () => {
    const origin = await makeOrigin();
    const file = path.join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const result = await refused(opened(origin.work, { stateDir: path.join(file, 'state') }).repository);
    expect(result.error).toBe(`state directory ${file}/state: a part of the path is a file`);
  });

  it.each([
    ['full', 'size=64k', 'no space left'],
    ['read-only', 'ro', 'read-only'],
  ])('that is %s gives a sentence', async (_name, mountOptions, sentence) => {
    const origin = await makeOrigin({ 'big.bin': randomBytes(200_000).toString('hex') });
    const stateDir = temporaryDirectory();
    await runOk('mount', ['-t', 'tmpfs', '-o', mountOptions, 'steward-test', stateDir]);
    try {
      const { error, commit } = await refused(opened(origin.work, { stateDir }).repository);
      expect(error).toContain(sentence);
      expect(commit).toBeNull();
    } finally {
      await runOk('umount', [stateDir]);
    }
  });
});

describe('values that git could take for something else', () => {
  it.each([
    [{ url: '--upload-pack=touch x' }, 'must not begin with "-"'],
    [{ url: 'ssh://-oProxyCommand=x/y' }, 'must not begin with "-"'],
    [{ url: '-oProxyCommand=x:y' }, 'must not begin with "-"'],
    [{ url: 'ext::sh -c true' }, 'not supported'],
    [{ url: 'git://host/x' }, 'not supported'],
    [{ url: '/x', branch: '--all' }, 'must not begin with "-"'],
    [{ url: '/x', branch: 'a*' }, 'cannot be the name of a branch'],
    [{ url: '/x', tag: 'a..b' }, 'cannot be the name of a tag'],
    [{ url: '/x', tag: 'a', branch: 'b' }, 'not both'],
    [{ url: '/x', path: '../y' }, 'must be a folder inside'],
  ])('%j is refused', async (options, message) => {
    const { repository } = opened(options.url, options);
    expect(await refused(repository)).toMatchObject({
      retryable: false,
      error: expect.stringContaining(message),
    });
  });

  it('a commit is its full id', async () => {
    const origin = await makeOrigin();
    const { repository } = opened(origin.work);
    await synced(repository);
    await expect(repository.stage('--help')).rejects.toThrow('not a full commit id');
  });
});

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}
