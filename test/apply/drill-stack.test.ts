import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ProofStep } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';
import { fakeTool } from '../support/fake-tools.ts';

const model = JSON.stringify({ name: 'photo', services: { db: { image: 'postgres:17' } } });

interface Given {
  /** Of Docker, which the stack is looked at through; default: nobody looks. */
  socketPath?: string;
  signal?: AbortSignal;
  timeoutSeconds?: number;
}

/** A drill on a mounted dataset, with a compose whose `up` fails with these words; null: it does not. */
function drillWith(words: string | null, { signal, timeoutSeconds = 1, ...given }: Given = {}) {
  const end = words === null ? 'exit 0' : `echo '${words}' >&2; exit 1`;
  const docker = fakeTool(`case "$*" in *" config "*) echo '${model}' ;; *) cat > /dev/null; ${end} ;; esac`);
  const mountpoint = mkdtempSync(path.join(tmpdir(), 'apply-drill-'));
  const step: ProofStep = {
    ...{ op: 'drill-start', service: 'photo', project: 'steward-drill-photo', archive: 'photo-1' },
    stack: { project: 'photo', directory: '/srv/photo', files: [], envFiles: [], override: null },
    ...{ from: '/data/photo', oneShots: [], timeoutSeconds },
    guard: { dataset: 'tank/scratch', mountpoint },
  };
  const mount = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw - zfs tank/scratch rw\n`;
  const commands = { docker: docker.command };
  const executor = hostExecutor({ commands, readMountinfo: async () => mount, ...given });
  return executor.execute(step, signal === undefined ? {} : { signal });
}

function mountIdOf(folder: string): string {
  const fd = openSync(folder, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

it('tells a database that dies on what was restored: that is what the drill is for', async () => {
  const words = 'dependency failed to start: container steward-drill-photo-db-1 exited (2)';
  const difference =
    'photo-1 restores to what was archived, and photo does not get well on it: container steward-drill-photo-db-1 exited (2)';
  await using api = await docker(() => ({ body: [] }));
  expect(await drillWith(words, { socketPath: api.socketPath })).toMatchObject({
    drill: { difference },
    failed: difference,
  });
});

it('has found out nothing where that is seen while Docker is away', async () => {
  await using api = await docker(() => ({ status: 500, body: { message: 'going down' } }));
  const words = 'dependency failed to start: container steward-drill-photo-db-1 exited (137)';
  await expect(drillWith(words, { socketPath: api.socketPath })).rejects.toThrow(
    /going down.*exited \(137\)/,
  );
});

it('fails where compose itself does, since that says nothing about the archive', async () => {
  await expect(drillWith('Error response from daemon: no such image')).rejects.toThrow('no such image');
});

/** Docker, which makes its own network when it starts; `containers` answers who asks for those. */
function docker(containers: () => ReturnType<Answer>, bridge: () => string = () => 'bridge-1') {
  return fakeDockerApi((call) =>
    call.includes('/networks') ? { body: [{ Name: 'bridge', Id: bridge() }] } : containers(),
  );
}

/** As Docker lists it: the only one of the drill. */
const db = (State: string, Status: string) => ({
  ...{ Id: 'id-db', Names: ['/steward-drill-photo-db-1'], Image: 'postgres:17', ImageID: 'sha256:1' },
  ...{ State, Status, Ports: [], Mounts: [], NetworkSettings: { Networks: {} } },
  Labels: { 'com.docker.compose.project': 'steward-drill-photo', 'com.docker.compose.service': 'db' },
});

it('tells one that ends after a while', async () => {
  await using api = await docker(() => ({ body: [db('exited', 'Exited (2) 3 seconds ago')] }));
  const facts = await drillWith(null, { socketPath: api.socketPath, timeoutSeconds: 30 });
  expect(facts?.failed).toMatch(/photo does not get well on it: steward-drill-photo-db-1 ended with exit 2/);
});

it('has found out nothing where Steward is told to stop meanwhile', async () => {
  const stop = new AbortController();
  await using api = await docker(() => {
    stop.abort();
    return { body: [db('created', 'Created')] };
  });
  const given = { socketPath: api.socketPath, signal: stop.signal, timeoutSeconds: 30 };
  await expect(drillWith(null, given)).rejects.toThrow(
    "the drill's stack: Steward was told to stop before it was healthy",
  );
});

it('has found out nothing where Docker was away meanwhile: what had run on it may be down for that', async () => {
  let looks = 0;
  await using api = await docker(() => {
    looks += 1;
    return looks === 1
      ? { status: 500, body: { message: 'going down' } }
      : { body: [db('exited', 'Exited (137) 3 seconds ago')] };
  });
  await expect(drillWith(null, { socketPath: api.socketPath, timeoutSeconds: 30 })).rejects.toThrow(
    /^the drill's stack: .*going down.*steward-drill-photo-db-1 ended with exit 137/,
  );
});

it('has found out nothing where Docker was restarted meanwhile, and only took its time to answer', async () => {
  let starts = 0;
  const restarted = () => {
    starts += 1;
    return `bridge-${starts}`;
  };
  await using api = await docker(() => ({ body: [db('exited', 'Exited (0) 3 seconds ago')] }), restarted);
  await expect(drillWith(null, { socketPath: api.socketPath, timeoutSeconds: 30 })).rejects.toThrow(
    /^the drill's stack: Docker was restarted meanwhile; .*steward-drill-photo-db-1 ended with exit 0/,
  );
});
