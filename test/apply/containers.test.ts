import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { StepFacts } from '../../reconciler/apply/types.ts';
import type { QuiescedContainer } from '../../reconciler/backup/step-parts.ts';
import type { BackupStep } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

type State = { Running: boolean; Paused?: boolean; Health?: { Status: string }; ExitCode?: number };

const running: State = { Running: true };

function container(name: string, needs: [name: string, healthy: boolean][] = []): QuiescedContainer {
  return { id: `id-${name}`, name, needs: needs.map(([other, healthy]) => ({ name: other, healthy })) };
}

/** web needs app; app needs a healthy db; cache stands alone. */
const stack = [
  container('cache'),
  container('app', [
    ['db', true],
    ['not-in-the-list', true],
  ]),
  container('web', [['app', false]]),
  container('db'),
];

async function run(step: BackupStep, answer: Answer) {
  await using api = await fakeDockerApi(answer);
  const limits = { longTimeoutMs: 5_000, healthTimeoutMs: 600, shortestGraceMs: 0 };
  const executor = hostExecutor({ socketPath: api.socketPath, ...limits });
  let facts: StepFacts = {};
  const error = await executor.execute(step, {}).then(
    (found) => {
      facts = found ?? {};
      return null;
    },
    (reason: Error) => `${reason.name}: ${reason.message}`,
  );
  return { error, facts, calls: api.calls };
}

const did = (calls: string[], verb: string) =>
  calls.flatMap((call) => new RegExp(`^POST /containers/id-(\\w+)/${verb}\\??$`).exec(call)?.[1] ?? []);

const ok: Answer = () => ({ status: 204 });

describe('stopping', () => {
  it('begins with those that nobody needs, and leaves each its own grace', async () => {
    const { error, calls } = await run({ op: 'containers-stop', containers: stack }, ok);
    expect(error).toBeNull();
    const order = did(calls, 'stop');
    expect(order).toHaveLength(4);
    expect(order.filter((name) => name !== 'cache')).toEqual(['web', 'app', 'db']);
  });

  it('takes one that is down, or gone, for done', async () => {
    const answer: Answer = (call) => ({ status: call.includes('id-db') ? 404 : 304 });
    expect((await run({ op: 'containers-stop', containers: stack }, answer)).error).toBeNull();
  });

  it('leaves up what one that does not stop needs, and stops the others', async () => {
    const answer: Answer = (call) =>
      call.includes('id-app') ? { status: 500, body: { message: 'no such luck' } } : { status: 204 };
    const { error, calls } = await run({ op: 'containers-stop', containers: stack }, answer);
    expect(error).toBe('StepError: container app was not stopped: Docker says: no such luck');
    expect(did(calls, 'stop')).not.toContain('db');
    expect(did(calls, 'stop')).toContain('cache');
  });

  const ended = (State: object, Config: object): Answer => {
    return (call) => (call.startsWith('GET') ? { body: { State, Config } } : { status: 204 });
  };

  it.each<[string, object, object, string[] | undefined]>([
    [
      'had to be killed',
      { ExitCode: 137 },
      {},
      ['container db did not stop within its stop_grace_period and was killed'],
    ],
    ['is always killed', { ExitCode: 137 }, { StopSignal: 'SIGKILL' }, undefined],
    ['ran out of memory', { ExitCode: 137, OOMKilled: true }, {}, undefined],
    ['ended by itself', { ExitCode: 143 }, {}, undefined],
  ])('tells of one that %s', async (_what, state, config, notes) => {
    const step: BackupStep = { op: 'containers-stop', containers: [container('db')] };
    const { error, facts } = await run(step, ended(state, config));
    expect({ error, notes: facts.notes }).toEqual({ error: null, notes });
  });

  it('stops the next one while it looks whether one had to be killed', async () => {
    const dbStops = Promise.withResolvers<void>();
    let isStopped = false;
    const answer: Answer = async (call) => {
      if (call.startsWith('POST /containers/id-db')) dbStops.resolve();
      if (call.startsWith('POST /containers/id-app')) isStopped = true;
      else if (isStopped && call.startsWith('GET /containers/id-app')) await dbStops.promise;
      const [, Id] = /(id-\w+)/.exec(call) ?? [];
      return call.startsWith('GET')
        ? { body: { Id, State: { ExitCode: 137 }, Config: {} } }
        : { status: 204 };
    };
    const containers = [container('app', [['db', false]]), container('db')];
    const { facts } = await run({ op: 'containers-stop', containers }, answer);
    expect(facts.notes).toHaveLength(2);
  });

  it('does not fail where that cannot be told', async () => {
    const answer: Answer = (call) => ({ status: call.startsWith('GET') ? 500 : 204 });
    expect(await run({ op: 'containers-stop', containers: stack }, answer)).toMatchObject({ error: null });
  });
});

/** Answers inspections of a container with these states, one after the other, the last one for ever. */
function inspected(states: Record<string, State[]>): Answer {
  return (call) => {
    const name = /^GET \/containers\/id-(\w+)\/json/.exec(call)?.[1];
    if (name === undefined) return { status: 204 };
    const left = states[name] ?? [running];
    const State = left.length > 1 ? left.shift() : left[0];
    return { body: { State } };
  };
}

const starting: State = { Running: true, Health: { Status: 'starting' } };
const unhealthy: State = { Running: true, Health: { Status: 'unhealthy' } };
const healthy: State = { Running: true, Health: { Status: 'healthy' } };

describe('starting', () => {
  it('begins with what others need, and waits until it is healthy', async () => {
    const answer = inspected({ db: [starting, unhealthy, healthy] });
    const { error, calls } = await run({ op: 'containers-start', containers: stack }, answer);
    expect(error).toBeNull();
    expect(did(calls, 'start').filter((name) => name !== 'cache')).toEqual(['db', 'app', 'web']);
    const looks = calls.filter((call) => call.startsWith('GET '));
    expect(looks).toEqual(Array(3).fill('GET /containers/id-db/json'));
  });

  it('does not wait where there is no health check, or nobody waits', async () => {
    const { calls } = await run({ op: 'containers-start', containers: stack }, inspected({ db: [running] }));
    expect(calls.filter((call) => call.startsWith('GET '))).toHaveLength(1);
  });

  it.each<[string, State, string]>([
    ['does not become healthy', starting, 'container db was started and is starting after 0.6 s'],
    [
      'ends at once',
      { Running: false, ExitCode: 3 },
      'container db ended right after its start (exit code 3)',
    ],
  ])('of one that %s: that is told, and all that ran before runs again', async (_what, state, message) => {
    const step: BackupStep = { op: 'containers-start', containers: stack };
    const { error, facts, calls } = await run(step, inspected({ db: [state] }));
    const failing = [{ container: 'db', message }];
    expect({ error, facts }).toEqual({ error: null, facts: { failed: message, failing } });
    expect(did(calls, 'start').sort()).toEqual(['app', 'cache', 'db', 'web']);
  });

  it('of one that Docker refuses to start: the others run, but for who needs it', async () => {
    const answer: Answer = (call) =>
      call.includes('id-db') ? { status: 500, body: { message: 'no such luck' } } : { status: 204 };
    const { error, calls } = await run({ op: 'containers-start', containers: stack }, answer);
    expect(error).toBe('StepError: container db was not started: Docker says: no such luck');
    expect(did(calls, 'start').sort()).toEqual(['cache', 'db']);
  });

  it('takes one that runs for started', async () => {
    const answer: Answer = (call) =>
      call.startsWith('GET') ? { body: { State: healthy } } : { status: 304 };
    expect((await run({ op: 'containers-start', containers: stack }, answer)).error).toBeNull();
  });

  /** The id is gone; `Names` of what Docker still has. */
  const gone =
    (Names: string[]): Answer =>
    (call) => {
      if (call.startsWith('GET /containers/json')) return { body: [{ Id: 'id-new', Names }] };
      return { status: call.includes('id-db') ? 404 : 204 };
    };

  it('finds one that was replaced by its name', async () => {
    const step: BackupStep = { op: 'containers-start', containers: [container('db')] };
    const { error, calls } = await run(step, gone(['/db']));
    expect(error).toBeNull();
    expect(did(calls, 'start')).toEqual(['db', 'new']);
  });

  it('names one that is gone, and starts who needs it', async () => {
    const step: BackupStep = { op: 'containers-start', containers: stack };
    const { error, facts, calls } = await run(step, gone(['/other-db']));
    const message = 'container db was not started: it is gone';
    const failing = [{ container: 'db', message }];
    expect({ error, facts }).toEqual({ error: null, facts: { failed: message, failing } });
    expect(did(calls, 'start').sort()).toEqual(['app', 'cache', 'db', 'web']);
  });

  it('ends where containers need each other in a circle', async () => {
    const circle = [container('a', [['b', false]]), container('b', [['a', false]])];
    const { error, calls } = await run({ op: 'containers-start', containers: circle }, ok);
    expect(error).toBeNull();
    expect(did(calls, 'start').sort()).toEqual(['a', 'b']);
  });
});

describe('pausing', () => {
  const refusing =
    (state: State): Answer =>
    (call) =>
      call.startsWith('GET') ? { body: { State: state } } : { status: 409, body: { message: 'no' } };

  it.each<['containers-pause' | 'containers-unpause', string, State, string | null]>([
    ['containers-pause', 'is paused already', { Running: true, Paused: true }, null],
    ['containers-pause', 'does not run', { Running: false, Paused: false }, null],
    ['containers-pause', 'runs on', running, 'StepError: container db was not paused: Docker says: no'],
    ['containers-unpause', 'is not paused', running, null],
    [
      'containers-unpause',
      'stays paused',
      { Running: true, Paused: true },
      'StepError: container db was not unpaused: Docker says: no',
    ],
  ])('%s, refused for one that %s', async (op, _what, state, error) => {
    expect((await run({ op, containers: [container('db')] }, refusing(state))).error).toBe(error);
  });

  it('freezes and thaws all of them', async () => {
    const { calls } = await run({ op: 'containers-pause', containers: stack }, ok);
    expect(did(calls, 'pause').sort()).toEqual(['app', 'cache', 'db', 'web']);
  });
});
