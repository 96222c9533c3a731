import { expect, it } from 'vitest';
import { commandOf } from '../../reconciler/apply/command.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

const step: Step = {
  op: 'container-exec',
  id: 'c1',
  name: 'photo-db-1',
  argv: ['pg_dump', '--password=secret'],
  timeoutSeconds: 1,
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

async function run(answer: Answer) {
  await using api = await fakeDockerApi(answer);
  const error = await hostExecutor({ socketPath: api.socketPath })
    .execute(step, {})
    .then(
      () => null,
      (reason: Error) => `${reason.name}: ${reason.message}`,
    );
  return { error, calls: api.calls, bodies: api.bodies };
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
  const { error } = await run(answering(0, 'working\n', true));
  expect(error).toBe('StepError: pg_dump in container photo-db-1 took longer than 1 s');
});

it('says what Docker says', async () => {
  const { error } = await run(() => ({ status: 409, body: { message: 'container c1 is not running' } }));
  expect(error).toBe(
    'StepError: pg_dump in container photo-db-1 was not run: Docker says: container c1 is not running',
  );
});

it('is shown as docker exec', () => {
  expect(commandOf({ ...step, argv: ['pg_dump', 'a b'] })).toBe("docker exec photo-db-1 pg_dump 'a b'");
});
