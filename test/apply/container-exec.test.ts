import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
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
  const error = await hostExecutor({ socketPath: api.socketPath, toolTimeoutMs })
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
  expect(bodies[0]).toMatchObject({ Cmd: ['pg_dump', '--password=secret'] });
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

/** As Docker starts it: in a session of its own, with something that it leaves behind and something that has left it. */
async function startCommand() {
  const script = 'sleep 300 & echo $!; setsid sleep 300 & echo $!; wait';
  const command = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of command.stdout) {
    text += String(chunk);
    if (text.split('\n').length > 2) break;
  }
  const pids = [command.pid ?? 0, ...text.trim().split('\n').map(Number)];
  // What Docker's cgroup has in its name is here whatever this one has.
  const id = /[a-z0-9]+/.exec(readFileSync(`/proc/${command.pid}/cgroup`, 'utf8'))?.[0] ?? '';
  return { pids, id };
}

function lives(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

it.each([
  ['all that it has started is killed with it', true],
  ['but not what is of another container', false],
])('of one that takes too long %s', async (_what, isOwn) => {
  const { pids, id } = await startCommand();
  const inContainer = isOwn ? id : 'another';
  const usual = answering(0, 'working\n', true);
  const answer: Answer = (call) =>
    call.startsWith('GET')
      ? { body: { Running: true, Pid: pids[0] } }
      : usual(call.replace(`/${inContainer}/`, '/c1/'));
  expect(pids.map(lives)).toEqual([true, true, true]);
  try {
    await run(answer, { id: inContainer, timeoutSeconds: 1 });
    await expect.poll(() => pids.filter(lives)).toEqual(isOwn ? [] : pids);
  } finally {
    for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL');
  }
});

it('is shown as docker exec', () => {
  expect(commandOf({ ...step, argv: ['pg_dump', 'a b'] })).toBe("docker exec photo-db-1 pg_dump 'a b'");
});
