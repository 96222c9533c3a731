/** Commands and files over SSH. One connection a machine is shared: a handshake costs a second under TCG. */
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

export type ExecOptions = {
  /** Default two minutes. The command in the guest is not killed, only no longer waited for. */
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves with the exit code instead of throwing where it is not 0. */
  readonly allowFailure?: boolean;
};

export type ExecResult = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

export type SshTarget = { readonly port: number; readonly keyFile: string; readonly socketDir: string };

/** A command in the guest that ended with something else than 0, or not in time. */
export class LabCommandError extends Error {
  readonly result: ExecResult;
  constructor(command: string, result: ExecResult, timedOut: boolean) {
    const how = timedOut ? 'did not end in time' : `exit ${result.exitCode}`;
    super(`lab: ${how}: ${command}\n${result.stdout}\n${result.stderr}`.trimEnd());
    this.name = 'LabCommandError';
    this.result = result;
  }
}

const commonOptions = [
  ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes'],
  // The guest answers on a port of 127.0.0.1 that we have just opened; its host key is part of the image.
  ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
];

/** The arguments of `ssh` up to and including the host, for people's shells too. */
export function sshArguments(target: SshTarget): string[] {
  const control = ['-o', `ControlPath=${join(target.socketDir, 'ssh')}`];
  return [...commonOptions, ...control, '-i', target.keyFile, '-p', String(target.port), 'root@127.0.0.1'];
}

/**
 * Opens the shared connection as soon as the guest answers. It must be the first to authenticate, hence
 * also the test that the guest is up. Rejects after `timeoutMs`, or at once where `alive` says no.
 */
export async function connectSsh(
  target: SshTarget,
  alive: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  // QEMU accepts before the guest listens. Asking again soon finds the guest early; waiting longer each
  // time lets a slow one finish its handshake.
  for (let waitSeconds = 3; ; waitSeconds = Math.min(waitSeconds + 1, 20)) {
    const args = ['-f', '-N', '-M', '-o', `ConnectTimeout=${waitSeconds}`, ...sshArguments(target)];
    const { exitCode } = await execa('ssh', args, { stdio: 'ignore', reject: false, timeout: 30_000 });
    if (exitCode === 0) return;
    if (!(await alive())) throw new Error('lab: QEMU ended while the server was starting');
    if (Date.now() > deadline) throw new Error(`lab: the server did not answer within ${timeoutMs} ms`);
    await sleep(200);
  }
}

/** Closes the shared connection, if there is one. */
export async function disconnectSsh(target: SshTarget): Promise<void> {
  const args = ['-O', 'exit', ...sshArguments(target)];
  await execa('ssh', args, { stdio: 'ignore', reject: false, timeout: 10_000 });
}

/** Runs a shell command as root in the guest. */
export async function execSsh(target: SshTarget, command: string, options: ExecOptions): Promise<ExecResult> {
  const exports = Object.entries(options.env ?? {}).map(([name, value]) => `export ${name}=${quote(value)};`);
  const result = await execa('ssh', [...sshArguments(target), '--', [...exports, command].join(' ')], {
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    timeout: options.timeoutMs ?? 120_000,
    reject: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  const { stdout, stderr, timedOut } = result;
  const plain = { stdout: String(stdout), stderr: String(stderr), exitCode: result.exitCode ?? 255 };
  if (timedOut || (plain.exitCode !== 0 && !options.allowFailure)) {
    throw new LabCommandError(command, plain, timedOut);
  }
  return plain;
}

const copyTimeoutMs = 10 * 60_000;

/** Copies files and directories into `remoteDir`, each under its own name and owned by root. */
export async function pushSsh(
  target: SshTarget,
  localPaths: readonly string[],
  remoteDir: string,
): Promise<void> {
  const sources = localPaths
    .map((path) => resolve(path))
    .flatMap((path) => ['-C', dirname(path), basename(path)]);
  await pushTar(target, sources, remoteDir);
}

/** Unpacks into `remoteDir` what tar(1) packs with these arguments and this on its standard input. */
export async function pushTar(
  target: SshTarget,
  tarArguments: readonly string[],
  remoteDir: string,
  input = '',
): Promise<void> {
  const unpack = `mkdir -p ${quote(remoteDir)} && tar -C ${quote(remoteDir)} -xf -`;
  await execa('tar', ['--owner=0', '--group=0', '--numeric-owner', '-cf', '-', ...tarArguments], {
    input,
    timeout: copyTimeoutMs,
    encoding: 'buffer',
    buffer: false,
  }).pipe('ssh', [...sshArguments(target), '--', unpack], { timeout: copyTimeoutMs });
}

/** Copies files and directories of the guest into `localDir`, each under its own name. */
export async function pullSsh(
  target: SshTarget,
  remotePaths: readonly string[],
  localDir: string,
): Promise<void> {
  const sources = remotePaths.map((path) => `-C ${quote(dirname(path))} ${quote(basename(path))}`);
  await execa('ssh', [...sshArguments(target), '--', `tar -cf - ${sources.join(' ')}`], {
    timeout: copyTimeoutMs,
    encoding: 'buffer',
    buffer: false,
  }).pipe('tar', ['-C', localDir, '--no-same-owner', '-xf', '-'], { timeout: copyTimeoutMs });
}

/** Makes a port of the guest's localhost reachable on a port of ours. */
export async function forwardSsh(target: SshTarget, localPort: number, guestPort: number): Promise<void> {
  const forward = ['-O', 'forward', '-L', `127.0.0.1:${localPort}:127.0.0.1:${guestPort}`];
  await execa('ssh', [...forward, ...sshArguments(target)], { stdio: 'ignore', timeout: 10_000 });
}

/** One word for the guest's shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
