import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { QuiescedContainer } from '../../reconciler/backup/step-parts.ts';
import type { BackupStep } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

/** What is begun again after a power cut, and what stays as it is, above a dataset that is not mounted (law 12). */

const folder = (name: string) => mkdtempSync(path.join(tmpdir(), `apply-ground-${name}-`));
const guards = {
  photo: { dataset: 'tank/photo', mountpoint: folder('photo') },
  films: { dataset: 'tank/films', mountpoint: folder('films') },
};

function container(name: string, ...on: (keyof typeof guards)[]): QuiescedContainer {
  return { id: `id-${name}`, name, needs: [], guards: on.map((each) => guards[each]) };
}

const stopped = { Running: false };
const paused = { Running: true, Paused: true };
const since = { Running: true, Paused: false, StartedAt: '1970-01-01T00:00:02Z' };

/** With only tank/films mounted; `states` as Docker knows them. */
async function putRight(step: BackupStep, states: Record<string, object>) {
  const answer: Answer = (call) => {
    const name = /^GET \/containers\/id-([\w-]+)\/json/.exec(call)?.[1];
    if (name === undefined && call.startsWith('GET')) return { body: [] };
    const State = states[name ?? /^POST \/containers\/id-([\w-]+)/.exec(call)?.[1] ?? ''];
    if (name === undefined && State !== undefined) return { status: 204 };
    if (State === undefined) return { status: 404, body: { message: 'no such container' } };
    return { body: { Id: `id-${name}`, State, RestartCount: 0, Config: {} } };
  };
  await using api = await fakeDockerApi(answer);
  const { mountpoint } = guards.films;
  const mounts = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw - zfs tank/films rw\n`;
  const executor = hostExecutor({ socketPath: api.socketPath, readMountinfo: async () => mounts });
  const error = await executor.execute(step, { sinceMs: 1_000 }).then(
    () => null,
    (reason: Error) => reason.message,
  );
  const calls = api.calls.flatMap((call) => /^POST \/containers\/id-([\w-]+\/\w+)/.exec(call)?.[1] ?? []);
  return { error, calls };
}

function mountIdOf(place: string): string {
  const fd = openSync(place, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

const keptDown = `db, server are kept down: tank/photo at ${guards.photo.mountpoint} is not mounted; import pool tank where it is not (zpool import), load keys (zfs load-key -a), and mount it (zfs mount -a): then Steward goes on by itself`;

describe('what a dead run has left down', () => {
  const op = 'containers-start';

  it('stays down above what is not mounted, and keeps nobody else down', async () => {
    const containers = [
      container('server', 'photo'),
      container('db', 'films', 'photo'),
      container('films', 'films'),
    ];
    const states = { server: stopped, db: stopped, films: stopped };
    expect(await putRight({ op, containers }, states)).toEqual({ error: keptDown, calls: ['films/start'] });
  });

  it.each([
    ['that others have started since is right as it is', { db: since }, []],
    ['that is gone is nobody to be waited for', {}, ['db/start']],
  ])('one %s', async (_what, states, calls) => {
    expect(await putRight({ op, containers: [container('db', 'photo')] }, states)).toEqual({
      error: null,
      calls,
    });
  });

  it('is not ended either where it may be ending still', async () => {
    const runs = { ...since, StartedAt: '1970-01-01T00:00:00Z' };
    const { error, calls } = await putRight({ op, containers: [container('db', 'photo')] }, { db: runs });
    expect({ error, calls }).toEqual({ error: expect.stringMatching(/^db is kept down/), calls: [] });
  });
});

describe('what a dead run has left paused', () => {
  const op = 'containers-unpause';

  it('stays so above what is not mounted', async () => {
    const containers = [container('db', 'photo'), container('films', 'films')];
    const { error, calls } = await putRight({ op, containers }, { db: paused, films: paused });
    expect({ error, calls }).toEqual({
      error: expect.stringMatching(/^db is kept down/),
      calls: ['films/unpause'],
    });
  });

  it('is done where Docker has started it again', async () => {
    expect(await putRight({ op, containers: [container('db', 'photo')] }, { db: since })).toEqual({
      error: null,
      calls: [],
    });
  });
});

it('a hook is not run above what is not mounted: it has one try', async () => {
  const hook = {
    id: 'id-db',
    name: 'db',
    argv: ['go-on', 'secret'],
    timeoutSeconds: 5,
    guards: [guards.photo],
  };
  const { error, calls } = await putRight({ op: 'container-exec', ...hook }, { db: since });
  expect({ error, calls }).toEqual({
    error: expect.stringMatching(/^go-on in container db is not run yet: tank\/photo at .* is not mounted; /),
    calls: [],
  });
});
