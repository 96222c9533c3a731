import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { commandOf } from '../../reconciler/apply/command.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { StepError } from '../../reconciler/apply/types.ts';
import type { Step } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

type ExecStep = Extract<Step, { op: 'container-exec' }>;

const step: ExecStep = {
  op: 'container-exec',
  id: 'c1',
  name: 'photo-db-1',
  argv: ['pg_dump', '--password=secret'],
  timeoutSeconds: 20,
};

const runDir = mkdtempSync(path.join(tmpdir(), 'hooks-'));
const noted = () => readdirSync(path.join(runDir, 'hooks'));

afterEach(() => rmSync(path.join(runDir, 'hooks'), { recursive: true, force: true }));

/** As Docker sends the output of a command without a terminal: kind, length, text. */
function frame(text: string): Buffer {
  const head = Buffer.from([2, 0, 0, 0, 0, 0, 0, text.length]);
  return Buffer.concat([head, Buffer.from(text)]);
}

function answering(code: number, output = '', open = false): Answer {
  return (call) => {
    if (call === 'POST /containers/c1/exec') return { status: 201, body: { Id: 'e1' } };
    if (call === 'POST /exec/e1/start') return { stream: { bytes: frame(output), open } };
    return { body: { ExitCode: code, Running: open, Pid: 0 } };
  };
}

async function run(answer: Answer, given: Partial<ExecStep> = {}, toolTimeoutMs = 20_000) {
  await using api = await fakeDockerApi(answer);
  let retryable: boolean | null = null;
  const error = await hostExecutor({ socketPath: api.socketPath, toolTimeoutMs, runDir })
    .execute({ ...step, ...given }, {})
    .then(
      () => null,
      (reason: StepError) => {
        retryable = reason.retryable;
        return `${reason.name}: ${reason.message}`;
      },
    );
  return { error, retryable, calls: api.calls, bodies: api.bodies };
}

it('runs the command to its end', async () => {
  const { error, bodies } = await run(answering(0, 'dumped\n'));
  expect(error).toBeNull();
  expect(bodies[0]).toMatchObject({
    Cmd: ['pg_dump', '--password=secret'],
    Env: [expect.stringMatching(/^STEWARD_HOOK=[0-9a-f-]{36}$/)],
  });
});

it('fails with the last line, and without the arguments', async () => {
  const { error } = await run(answering(3, 'first\nno such database\n'));
  expect(error).toBe('StepError: pg_dump in container photo-db-1 ended with 3: no such database');
});

it('does not wait longer than it may', async () => {
  const { error, retryable } = await run(answering(0, 'working\n', true), { timeoutSeconds: 1 });
  expect(error).toBe('StepError: pg_dump in container photo-db-1 took longer than 1 s');
  expect(retryable).toBe(false);
});

it('says what Docker says', async () => {
  const { error, retryable } = await run(() => ({
    status: 409,
    body: { message: 'container c1 is not running' },
  }));
  expect(error).toBe(
    'StepError: pg_dump in container photo-db-1 was not run: Docker says: container c1 is not running',
  );
  expect(retryable).toBe(false);
});

it.each<[string, (call: string) => boolean, string]>([
  ['where it is to begin', (call) => call.endsWith('/exec'), 'was not run: Docker did not answer in time'],
  [
    'when it has ended',
    (call) => call.startsWith('GET'),
    'has ended, and nobody knows how: Docker did not answer in time',
  ],
])('does not wait for ever for a Docker that does not answer %s', async (_when, isSilent, said) => {
  const usual = answering(0, 'dumped\n');
  const { error, retryable } = await run((call) => (isSilent(call) ? null : usual(call)), {}, 300);
  expect({ error, retryable }).toEqual({
    error: `StepError: pg_dump in container photo-db-1 ${said}`,
    retryable: true,
  });
});

/** There is no container c1; Docker has those with these names. */
function replacedBy(Names: string[]): Answer {
  const usual = answering(0, 'dumped\n');
  return (call) => {
    if (call === 'POST /containers/c1/exec') return { status: 404, body: { message: 'no such container' } };
    if (call.startsWith('GET /containers/json')) return { body: [{ Id: 'c2', Names }] };
    return usual(call.replace('/c2/', '/c1/'));
  };
}

it('finds one that was replaced by its name', async () => {
  const { error, calls } = await run(replacedBy(['/photo-db-1']));
  expect(error).toBeNull();
  expect(calls).toContain('POST /containers/c2/exec');
});

it('names one that is gone', async () => {
  const { error, retryable } = await run(replacedBy(['/other-photo-db-1']));
  expect({ error, retryable }).toEqual({
    error: 'StepError: pg_dump in container photo-db-1 was not run: the container is gone',
    retryable: false,
  });
});

/** As Docker starts it: in a session of its own, and with its environment. Gives the leader, and what that prints. */
async function startCommand(script: string, variables: string[]): Promise<number[]> {
  const env = { ...process.env, ...Object.fromEntries(variables.map((each) => each.split('='))) };
  const command = spawn('sh', ['-c', script], { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of command.stdout) {
    text += String(chunk);
    if (text.endsWith('end\n')) break;
  }
  return [command.pid ?? 0, ...(text.match(/\d+/g)?.map(Number) ?? [])];
}

/** What Docker's cgroup has in its name is here whatever this one has. */
function thisContainer(): string {
  return /[a-z0-9]+/.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[0] ?? '';
}

function lives(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const waiting = 'sleep 300 & echo $!; setsid sleep 300 & echo $!; echo end; wait';
const gone = 'sleep 300 & echo $!; sleep 300 & echo $!; echo end';
const daemon =
  'setsid sh -c "sleep 300 & echo \\$!"; setsid sh -c "setsid sleep 300 & echo \\$!"; echo end; sleep 300';

it.each<[string, string, (leader: number) => object | null]>([
  ['waits for others, one of which has left its session', waiting, (Pid) => ({ Running: true, Pid })],
  ['has ended itself, and left others', gone, (Pid) => ({ Running: false, ExitCode: 0, Pid })],
  ['has ended itself, so that Docker knows its number no more', gone, () => ({ Running: false, Pid: 0 })],
  ['has made daemons, which have no parent of it any more', daemon, (Pid) => ({ Running: true, Pid })],
  ['Docker says nothing of', waiting, () => null],
])('of one that takes too long and %s: all is killed', async (_what, script, inspected) => {
  const { pids, alive } = await late(script, inspected, thisContainer());
  try {
    expect(alive).toEqual(expect.arrayContaining(pids.slice(1)));
    await expect.poll(() => pids.filter(lives)).toEqual([]);
  } finally {
    for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL');
  }
});

it('what is of another container is not killed', async () => {
  const { pids, alive } = await late(waiting, (Pid) => ({ Running: true, Pid }), 'another');
  try {
    expect(pids.filter(lives)).toEqual(alive);
  } finally {
    for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL');
  }
});

/** A command that does not end in time; gives its processes, and which of them lived by then. */
async function late(script: string, inspected: (leader: number) => object | null, container: string) {
  let pids: number[] = [];
  let alive: number[] = [];
  const answer: Answer = async (call, body) => {
    if (call.endsWith('/start')) return { stream: { bytes: frame('working\n'), open: true } };
    if (call.startsWith('GET')) {
      const said = inspected(pids[0] ?? 0);
      return said === null ? { status: 500, body: { message: 'no such luck' } } : { body: said };
    }
    pids = await startCommand(script, (body as { Env?: string[] }).Env ?? []);
    alive = pids.filter(lives);
    return { status: 201, body: { Id: 'e1' } };
  };
  const { error } = await run(answer, { id: container, timeoutSeconds: 1 });
  expect(error).toBe('StepError: pg_dump in container photo-db-1 took longer than 1 s');
  return { pids, alive };
}

describe('of a hook before, whose Steward', () => {
  const mark = 'STEWARD_HOOK=of-the-one-before';

  /** As that Steward has noted it. */
  async function earlier(owner: object): Promise<number[]> {
    const pids = await startCommand(daemon, [mark]);
    mkdirSync(path.join(runDir, 'hooks'), { mode: 0o700 });
    const kept = { mark, containerId: thisContainer(), ...owner };
    writeFileSync(path.join(runDir, 'hooks', 'before.json'), JSON.stringify(kept));
    return pids;
  }

  const since = () => readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19];

  it.each([
    ['is dead', () => ({ pid: 4_194_304, since: '1' })],
    ['is dead, and its number taken again', () => ({ pid: process.pid, since: '1' })],
  ])('%s: all is ended before the next one begins', async (_what, owner) => {
    const pids = await earlier(owner());
    try {
      const usual = answering(0, 'dumped\n');
      let whenBegun: string[] | null = null;
      const { error } = await run((call, body) => {
        if (call.endsWith('/exec')) whenBegun = noted();
        return usual(call, body);
      });
      expect({ error, whenBegun }).toEqual({ error: null, whenBegun: [] });
      await expect.poll(() => pids.filter(lives)).toEqual([]);
    } finally {
      for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL');
    }
  });

  it('is at work: it goes on', async () => {
    const pids = await earlier({ pid: process.pid, since: since() });
    try {
      expect((await run(answering(0, 'dumped\n'))).error).toBeNull();
      expect(pids.filter(lives)).toHaveLength(3);
      expect(noted()).toEqual(['before.json']);
    } finally {
      for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL');
    }
  });

  it('died while it noted it: nothing had begun', async () => {
    mkdirSync(path.join(runDir, 'hooks'), { mode: 0o700 });
    writeFileSync(path.join(runDir, 'hooks', '.before.json.partial'), '{"mark');
    expect((await run(answering(0, 'dumped\n'))).error).toBeNull();
  });
});

it('is noted while it runs', async () => {
  const usual = answering(0, 'dumped\n');
  let during: string[] = [];
  await run((call, body) => {
    if (call.endsWith('/start'))
      during = noted().map((name) => readFileSync(path.join(runDir, 'hooks', name), 'utf8'));
    return usual(call, body);
  });
  expect(during.map((text) => JSON.parse(text))).toEqual([
    {
      mark: expect.stringMatching(/^STEWARD_HOOK=/),
      containerId: 'c1',
      pid: process.pid,
      since: expect.stringMatching(/^\d+$/),
    },
  ]);
  expect(noted()).toEqual([]);
});

it('is shown as docker exec', () => {
  expect(commandOf({ ...step, argv: ['pg_dump', 'a b'] })).toBe("docker exec photo-db-1 pg_dump 'a b'");
});
