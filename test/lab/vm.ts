/** The lab: a real Debian server for a test, as many as needed, pristine within seconds. */
import { dirname } from 'node:path';
import { ensureBootedLayer } from './booted-layer.ts';
import {
  createMachine,
  cutPower,
  freePort,
  type Machine,
  rebootMachine,
  removeMachine,
  resumePristine,
  type Saved,
} from './machine.ts';
import {
  type ExecOptions,
  type ExecResult,
  execSsh,
  forwardSsh,
  pullSsh,
  pushSsh,
  pushTar,
  quote,
} from './ssh.ts';
import { sweepAbandoned } from './vm-record.ts';

export type LabVm = {
  /** Port of 127.0.0.1 that leads to the server's SSH. */
  readonly sshPort: number;
  /** Machine's directory on this host; serial.log in it tells why a boot failed. */
  readonly dir: string;
  /** Runs a shell command as root. Throws {@link LabCommandError} on any exit code but 0. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Copies files and directories into `remoteDir`, each under its own name, owned by root. */
  push(localPaths: string | readonly string[], remoteDir: string): Promise<void>;
  /** Unpacks into `remoteDir` what tar(1) on this host packs with these arguments and standard input. */
  pushTar(tarArguments: readonly string[], remoteDir: string, input?: string): Promise<void>;
  /** Copies files and directories of the server into `localDir`, each under its own name. */
  pull(remotePaths: string | readonly string[], localDir: string): Promise<void>;
  /** Writes one file; directories are made, mode as by umask unless given ("600"). */
  writeFile(path: string, content: string, mode?: string): Promise<void>;
  /** Gives an image of the lab the name that a compose file uses. */
  tagImage(from: string, to: string): Promise<void>;
  /** Port of our 127.0.0.1 that leads to a port of the server's localhost, until the next restart. */
  forward(guestPort: number): Promise<number>;
  /** As saved again: disks, memory, processes. Clock set to now. Seconds. */
  reset(): Promise<void>;
  /** Ends QEMU in the middle of whatever happens and boots the same disks again. */
  powerCut(): Promise<void>;
  /** An orderly reboot; resolves when the server answers again. */
  reboot(): Promise<void>;
  /** Ends the machine and removes what it wrote. */
  shutdown(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type LabOptions = {
  /** What to resume; the provisioned server unless given. */
  readonly saved?: Saved;
  /** The machine outlives this process; for people, see cli.ts. */
  readonly detached?: boolean;
};

/**
 * A running server that belongs to the caller. Builds the layers the cache does not have (minutes, once),
 * then takes seconds. The machine dies with this process, at the latest.
 */
export async function startLab(options: LabOptions = {}): Promise<LabVm> {
  await sweepAbandoned();
  const saved = options.saved ?? (await ensureBootedLayer());
  return labVmOf(await createMachine(saved, options.detached ?? false));
}

/** The API around a machine. */
export function labVmOf(machine: Machine): LabVm {
  const { target } = machine;
  const exec = (command: string, options: ExecOptions = {}) => execSsh(target, command, options);
  return {
    sshPort: target.port,
    dir: machine.record.dir,
    exec,
    push: (localPaths, remoteDir) => pushSsh(target, [localPaths].flat(), remoteDir),
    pushTar: (tarArguments, remoteDir, input) => pushTar(target, tarArguments, remoteDir, input),
    pull: (remotePaths, localDir) => pullSsh(target, [remotePaths].flat(), localDir),
    async writeFile(path, content, mode) {
      const chmod = mode ? ` && chmod ${mode} ${quote(path)}` : '';
      await exec(`mkdir -p ${quote(dirname(path))} && cat > ${quote(path)}${chmod}`, { input: content });
    },
    async tagImage(from, to) {
      await exec(`docker tag ${quote(from)} ${quote(to)}`);
    },
    async forward(guestPort) {
      const port = await freePort();
      await forwardSsh(target, port, guestPort);
      return port;
    },
    reset: () => resumePristine(machine),
    powerCut: () => cutPower(machine),
    reboot: () => rebootMachine(machine),
    shutdown: () => removeMachine(machine),
    [Symbol.asyncDispose]: () => removeMachine(machine),
  };
}

export type { ExecOptions, ExecResult };
