import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import {
  connectDocker,
  type DockerConnection,
  deadline,
  dockerSentence,
  dockerStatus,
} from '../../tools/docker.ts';
import type { BackupStep } from '../types.ts';
import { findByName } from './each-container.ts';
import { endOrphans, recorded } from './hook-record.ts';
import { killSession } from './kill-session.ts';
import { StepError } from './types.ts';

export interface ExecOptions extends DockerConnection {
  signal?: AbortSignal | undefined;
  /** Each call of Docker but the command itself. */
  timeoutMs: number;
  /** What is under way is noted in `hooks` below it. */
  runDir: string;
}

type ExecStep = Extract<BackupStep, { op: 'container-exec' }>;

/** `mark`: all that it starts has it in its environment. */
type MarkedStep = ExecStep & { mark: string };

/**
 * Runs a command in a container to its end, which must be 0. Late: it is killed, there too, with all that it has started.
 * A StepError that is not retryable: it was run, or Docker would not run it; else Docker did not answer.
 */
export async function execInContainer(step: ExecStep, options: ExecOptions): Promise<void> {
  const docker = await connectDocker(options);
  const mark = `STEWARD_HOOK=${randomUUID()}`;
  const folder = path.join(options.runDir, 'hooks');
  await endOrphans(folder);
  const { exec, id } = await created(step, mark, docker, options);
  const said = await recorded(folder, { mark, containerId: id }, () =>
    outputOf(exec, docker, { ...step, id, mark }, options),
  );
  const code = await exitCodeOf(exec, step, options);
  if (code === 0) return;
  const message = `${nameOf(step)} ended with ${code}${said === '' ? '' : `: ${said}`}`;
  throw new StepError(message, { retryable: false });
}

/** One that compose has replaced meanwhile is found by its name. */
async function created(
  step: ExecStep,
  mark: string,
  docker: Docker,
  { timeoutMs, signal }: ExecOptions,
): Promise<{ exec: Docker.Exec; id: string }> {
  const abortSignal = deadline(timeoutMs, signal);
  const given = { Cmd: step.argv, Env: [mark], AttachStdout: true, AttachStderr: true, abortSignal };
  const create = async (id: string) => ({ exec: await docker.getContainer(id).exec(given), id });
  try {
    return await create(step.id).catch(async (error: unknown) => {
      if (dockerStatus(error) !== 404) throw error;
      const replaced = await findByName(docker, step.name, abortSignal);
      if (replaced !== null) return await create(replaced);
      throw new StepError(`${nameOf(step)} was not run: the container is gone`, { retryable: false });
    });
  } catch (error) {
    throw notRun(error, step, signal);
  }
}

/** The last line that the command printed. Rejects when its time is over, or Steward is told to stop. */
async function outputOf(
  exec: Docker.Exec,
  docker: Docker,
  step: MarkedStep,
  { timeoutMs, signal: outer }: ExecOptions,
): Promise<string> {
  const signal = deadline(step.timeoutSeconds * 1000, outer);
  try {
    return await lastLineOf(exec, docker, signal);
  } catch (error) {
    if (!signal.aborted) throw notRun(error, step, outer);
    await killLeftover(exec, step, timeoutMs);
    throw outer?.aborted
      ? toldToStop(error, step)
      : new StepError(`${nameOf(step)} took longer than ${step.timeoutSeconds} s`, {
          retryable: false,
          cause: error,
        });
  }
}

async function lastLineOf(exec: Docker.Exec, docker: Docker, signal: AbortSignal): Promise<string> {
  const stream = await exec.start({ Detach: false, Tty: false, abortSignal: signal });
  const onAbort = () => stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  let tail = '';
  const sink = new PassThrough().setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4096);
  });
  try {
    docker.modem.demuxStream(stream, sink, sink);
    await finished(stream, { writable: false });
    await new Promise(setImmediate);
    return tail.trimEnd().split('\n').at(-1)?.trim() ?? '';
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function exitCodeOf(
  exec: Docker.Exec,
  step: ExecStep,
  { timeoutMs }: ExecOptions,
): Promise<number | null> {
  try {
    return (await exec.inspect({ abortSignal: deadline(timeoutMs) })).ExitCode;
  } catch (error) {
    const message = `${nameOf(step)} has ended, and nobody knows how: ${dockerSentence(error)}`;
    throw new StepError(message, { retryable: dockerStatus(error) === null, cause: error });
  }
}

async function killLeftover(
  exec: Docker.Exec,
  { id: containerId, mark }: MarkedStep,
  timeoutMs: number,
): Promise<void> {
  const found = await exec.inspect({ abortSignal: deadline(timeoutMs) }).catch(() => null);
  await killSession({ leader: found?.Pid ?? 0, mark, containerId });
}

function notRun(error: unknown, step: ExecStep, outer: AbortSignal | undefined): StepError {
  if (error instanceof StepError) return error;
  if (outer?.aborted) return toldToStop(error, step);
  const message = `${nameOf(step)} was not run: ${dockerSentence(error)}`;
  return new StepError(message, { retryable: dockerStatus(error) === null, cause: error });
}

function toldToStop(cause: unknown, step: ExecStep): StepError {
  return new StepError(`${nameOf(step)} was ended: Steward was told to stop`, { cause });
}

/** Without its arguments, which may hold what is nobody's business. */
function nameOf({ argv, name }: ExecStep): string {
  return `${argv[0]} in container ${name}`;
}
