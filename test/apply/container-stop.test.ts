import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ExecuteOptions, StepFacts } from '../../reconciler/apply/types.ts';
import type { QuiescedContainer } from '../../reconciler/backup/step-parts.ts';
import type { BackupStep } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

/** Docker does not take a stop back: what that means for the stop, and for the start that puts it right. */

function container(name: string, ...needs: string[]): QuiescedContainer {
  return { id: `id-${name}`, name, needs: needs.map((other) => ({ name: other, healthy: false })) };
}

const web = container('web', 'db');
const db = container('db');

interface Inspected {
  running?: boolean;
  startedMs?: number;
  restarts?: number;
  stopSeconds?: number | null;
}

/** Containers by name, as Docker inspects them; `otherwise` answers all other calls. */
function docker(found: Record<string, Inspected>, otherwise: Answer = () => ({ status: 204 })): Answer {
  return (call) => {
    const name = /^GET \/containers\/id-([\w-]+)\/json/.exec(call)?.[1];
    const own = found[name ?? ''];
    if (name === undefined) return otherwise(call);
    if (own === undefined) return { status: 404, body: { message: 'no such container' } };
    const { running = true, startedMs = 0, restarts = 0, stopSeconds = null } = own;
    const State = { Running: running, StartedAt: new Date(startedMs).toISOString(), ExitCode: 0 };
    return {
      body: { Id: `id-${name}`, State, RestartCount: restarts, Config: { StopTimeout: stopSeconds } },
    };
  };
}

async function run(step: BackupStep, answer: Answer, given: ExecuteOptions = {}, slackMs = 20_000) {
  await using api = await fakeDockerApi(answer);
  const executor = hostExecutor({ socketPath: api.socketPath, longTimeoutMs: slackMs });
  let facts: StepFacts = {};
  const error = await executor.execute(step, given).then(
    (said) => {
      facts = said ?? {};
      return null;
    },
    (reason: Error) => `${reason.name}: ${reason.message}`,
  );
  const calls = api.calls.flatMap((call) => {
    const [, name, verb] = /^POST \/containers\/id-([\w-]+)\/(\w+)/.exec(call) ?? [];
    return name === undefined ? [] : [`${verb} ${name}`];
  });
  return { error, facts, calls };
}

describe('a stop under way', () => {
  it.each(['containers-stop', 'containers-pause'] as const)(
    'is waited for when Steward is told to stop: %s',
    async (op) => {
      const told = new AbortController();
      const answer = docker({ db: {} }, async () => {
        told.abort();
        await new Promise(setImmediate);
        return { status: 204 };
      });
      const { error } = await run({ op, containers: [db] }, answer, { signal: told.signal });
      expect({ error, aborted: told.signal.aborted }).toEqual({ error: null, aborted: true });
    },
  );

  it('is waited for as long as the grace of the container, and what Docker needs besides', async () => {
    const hanging = docker({ db: { stopSeconds: 1 } }, () => null);
    const begunMs = performance.now();
    const { error } = await run({ op: 'containers-stop', containers: [db] }, hanging, {}, 200);
    expect(error).toBe('StepError: container db was not stopped: Docker did not answer in time');
    expect(performance.now() - begunMs).toBeGreaterThan(1_200);
  });

  it('of one that may take for ever is not waited for for ever', async () => {
    const hanging = docker({ db: { stopSeconds: -1 } }, () => null);
    const { error } = await run({ op: 'containers-stop', containers: [db] }, hanging, {}, 200);
    expect(error).toBe('StepError: container db was not stopped: Docker did not answer in time');
  });

  it('is not begun where Docker does not even answer what is there', async () => {
    const { error, calls } = await run({ op: 'containers-stop', containers: [db] }, () => null, {}, 200);
    expect({ error, calls }).toEqual({
      error: 'StepError: container db was not stopped: Docker did not answer in time',
      calls: [],
    });
  });

  it('is of the container that has taken the place of the one of that name', async () => {
    const answer = docker({ new: {} }, (call) =>
      call.startsWith('GET') ? { body: [{ Id: 'id-new', Names: ['/db'] }] } : { status: 204 },
    );
    const { error, calls } = await run({ op: 'containers-stop', containers: [db] }, answer);
    expect({ error, calls }).toEqual({ error: null, calls: ['stop new'] });
  });
});

describe('starting again what a run has stopped that may be dead', () => {
  const sinceMs = Date.now() - 60_000;
  const before = sinceMs - 1_000;
  const after = sinceMs + 1_000;
  const step: BackupStep = { op: 'containers-start', containers: [web, db] };

  it.each<[string, Record<string, Inspected>, string[]]>([
    ['down', { web: { running: false }, db: { running: false } }, ['start db', 'start web']],
    [
      'up since before, so that they may be ending',
      { web: { startedMs: before }, db: { startedMs: before } },
      ['stop web', 'stop db', 'start db', 'start web'],
    ],
    [
      'up since later',
      { web: { startedMs: after }, db: { startedMs: before } },
      ['stop db', 'start db', 'start web'],
    ],
    [
      'started again by Docker itself, so that nobody knows',
      { web: { startedMs: after, restarts: 1 }, db: { running: false } },
      ['stop web', 'start db', 'start web'],
    ],
    [
      'up since an instant to come, as a clock that was put back tells',
      { web: { startedMs: Date.now() + 3_600_000 }, db: { running: false } },
      ['stop web', 'start db', 'start web'],
    ],
  ])('of those that are %s', async (_what, found, expected) => {
    const { error, calls } = await run(step, docker(found), { sinceMs });
    expect({ error, calls }).toEqual({ error: null, calls: expected });
  });

  it('is not done before one that cannot be stopped has ended, and keeps nobody else waiting', async () => {
    const found = { web: { running: false }, db: { startedMs: before } };
    const answer = docker(found, (call) =>
      call.includes('id-db/stop') ? { status: 500, body: { message: 'it is stuck' } } : { status: 304 },
    );
    const { error, calls } = await run(step, answer, { sinceMs });
    expect(error).toBe('StepError: container db was not stopped: Docker says: it is stuck');
    expect(calls).toEqual(['stop db', 'start db', 'start web']);
  });

  it('stops nothing where nobody died', async () => {
    const { calls } = await run(step, docker({ web: { startedMs: before }, db: { startedMs: before } }));
    expect(calls).toEqual(['start db', 'start web']);
  });
});
