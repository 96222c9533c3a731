import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { connectDocker, type DockerConnection, deadline, dockerSentence } from '../../tools/docker.ts';
import type { BackupStep } from '../types.ts';
import { StepError } from './types.ts';

export interface ExecOptions extends DockerConnection {
  signal?: AbortSignal | undefined;
}

type ExecStep = Extract<BackupStep, { op: 'container-exec' }>;

/** Runs a command in a container to its end, which must be 0. Late: it is killed, there too. */
export async function execInContainer(step: ExecStep, options: ExecOptions): Promise<void> {
  const signal = deadline(step.timeoutSeconds * 1000, options.signal);
  try {
    const docker = await connectDocker(options);
    const exec = await docker
      .getContainer(step.id)
      .exec({ Cmd: step.argv, AttachStdout: true, AttachStderr: true, abortSignal: signal });
    const said = await outputOf(exec, docker, step, signal);
    const { ExitCode: code } = await exec.inspect();
    if (code !== 0)
      throw new StepError(`${nameOf(step)} ended with ${code}${said === '' ? '' : `: ${said}`}`);
  } catch (error) {
    throw asStepError(error, step, options.signal);
  }
}

/** The last line that the command printed. Rejects when the signal fires first. */
async function outputOf(
  exec: Docker.Exec,
  docker: Docker,
  step: ExecStep,
  signal: AbortSignal,
): Promise<string> {
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
  } catch (error) {
    await killLeftover(exec, step);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Docker cannot end a command that it has started; the kernel can, once its cgroup proves whose process it is. */
async function killLeftover(exec: Docker.Exec, step: ExecStep): Promise<void> {
  try {
    const { Running: running, Pid: pid } = await exec.inspect();
    if (!running || pid <= 1) return;
    const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    if (cgroup.includes(step.id)) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile, or the container has.
  }
}

function asStepError(error: unknown, step: ExecStep, outer: AbortSignal | undefined): StepError {
  if (error instanceof StepError) return error;
  const { name } = error as Error;
  if (name === 'TimeoutError' || name === 'AbortError') {
    const why = outer?.aborted
      ? 'was ended: Steward was told to stop'
      : `took longer than ${step.timeoutSeconds} s`;
    return new StepError(`${nameOf(step)} ${why}`, { cause: error });
  }
  return new StepError(`${nameOf(step)} was not run: ${dockerSentence(error)}`, { cause: error });
}

/** Without its arguments, which may hold what is nobody's business. */
function nameOf({ argv, name }: ExecStep): string {
  return `${argv[0]} in container ${name}`;
}
