import { composeProgram } from '../../tools/compose.ts';
import { deadline } from '../../tools/docker.ts';
import { closedBox, type SecretBox } from '../../tools/secrets/box.ts';
import type { PrivateMemory } from '../../tools/secrets/env-files.ts';
import type { Step } from '../types.ts';
import { connectNetwork, disconnectNetwork } from './attachment.ts';
import { type BackupContext, runBackupStep } from './backup-steps.ts';
import { loadSnippet } from './caddy.ts';
import { composeDown, runStack } from './compose.ts';
import { createDirectory, setMode, setOwner } from './directory.ts';
import { changeRecord } from './dns.ts';
import { createNetwork, removeContainer, removeNetwork } from './docker.ts';
import { createGroup } from './group.ts';
import type { ReadMountinfo } from './guard.ts';
import { pullImage, tagImage } from './image.ts';
import { defaultRunDir, defaultStateDir } from './mounted.ts';
import type { Commands, ToolOptions } from './tool.ts';
import type { ExecuteOptions, Executor, StepFacts } from './types.ts';
import { createDataset, inheritProperty, mountDataset, setProperty } from './zfs.ts';

export interface HostExecutorOptions {
  /** Docker's socket, for the API and for compose. Default: DOCKER_HOST, else /var/run/docker.sock. */
  socketPath?: string;
  commands?: Commands;
  /** compose pulls and builds, and waits until dependencies are healthy. Default 15 min. */
  composeTimeoutMs?: number;
  /** One image out of its registry. Default 1 h. */
  pullTimeoutMs?: number;
  /** Each call of another tool or of Docker's API. Default 2 min. */
  toolTimeoutMs?: number;
  /** A recursive change of owner; what Docker may take for a stop beside the container's own grace. Default 15 min. */
  longTimeoutMs?: number;
  /** Default /etc/group. */
  groupFile?: string;
  /** Default: /proc/self/mountinfo. */
  readMountinfo?: ReadMountinfo;
  /** Borg's cache and its memory of repositories lie in `borg` below it. Default /var/lib/steward. */
  stateDir?: string;
  /** Snapshots are mounted in `backup` below it, opened secrets lie in `env`, `hooks` tells which run. Default /run/steward. */
  runDir?: string;
  /** Opens the encrypted files of stacks. Default: none is opened, and stacks that have any fail. */
  secrets?: SecretBox;
  /** Default: it is looked at what runDir is on. */
  isInMemory?: PrivateMemory['isInMemory'];
  /** Without a line from borg for so long, it hangs. Default 30 min. */
  borgIdleMs?: number;
  /** How long borg waits for somebody else's lock. Default 10 min. */
  lockWaitSeconds?: number;
  /** How long a container may take to become healthy again. Default: what the step says, else 3 min. */
  healthTimeoutMs?: number;
  /** One that took less to stop was not killed. Default 1 s. */
  shortestGraceMs?: number;
  /** How long a snapshot may stay busy after its mount has ended. Default 10 s. */
  busyMs?: number;
}

/** This machine, changed through its own tools. */
export function hostExecutor(options: HostExecutorOptions = {}): Executor {
  return { execute: (step, given) => dispatch(step, contextOf(options, given)) };
}

function contextOf(options: HostExecutorOptions, given: ExecuteOptions) {
  const { signal } = given;
  const { socketPath, readMountinfo, commands = { compose: composeProgram() } } = options;
  const longMs = options.longTimeoutMs ?? 900_000;
  const timeoutMs = options.toolTimeoutMs ?? 120_000;
  const tool = { commands, timeoutMs, signal };
  return {
    backup: backupContext(options, given, tool, longMs),
    tool,
    group: { ...tool, groupFile: options.groupFile ?? '/etc/group' },
    directory: { readMountinfo, signal: deadline(longMs, signal) },
    docker: { socketPath, timeoutMs, signal },
    image: { socketPath, timeoutMs: options.pullTimeoutMs ?? 3_600_000, signal },
    container: { socketPath, timeoutMs: longMs, signal },
    compose: {
      ...{ ...tool, timeoutMs: options.composeTimeoutMs ?? 900_000, socketPath, readMountinfo },
      secret: secretOptions(options),
    },
  };
}

function secretOptions({ secrets = closedBox, runDir = defaultRunDir, isInMemory }: HostExecutorOptions) {
  return { secrets, memory: { runDir, ...(isInMemory === undefined ? {} : { isInMemory }) } };
}

function backupContext(
  options: HostExecutorOptions,
  { signal, onProgress, sinceMs }: ExecuteOptions,
  tool: ToolOptions,
  longMs: number,
): BackupContext {
  const { socketPath, readMountinfo, borgIdleMs, lockWaitSeconds, busyMs } = options;
  const { healthTimeoutMs, shortestGraceMs } = options;
  const { commands } = tool;
  const home = { stateDir: options.stateDir ?? defaultStateDir, runDir: options.runDir ?? defaultRunDir };
  const limits = { idleMs: borgIdleMs, lockWaitSeconds };
  return {
    borg: { ...home, ...limits, borg: commands.borg, commands, signal, onProgress },
    containers: { socketPath, timeoutMs: longMs, signal, healthTimeoutMs, shortestGraceMs, readMountinfo },
    sinceMs,
    exec: { socketPath, signal, timeoutMs: tool.timeoutMs, runDir: home.runDir },
    snapshots: { ...tool, readMountinfo, busyMs },
    secret: secretOptions(options),
  };
}

// biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
function dispatch(step: Step, context: ReturnType<typeof contextOf>): Promise<StepFacts | void> {
  switch (step.op) {
    case 'group-create':
      return createGroup(step, context.group);
    case 'zfs-create':
      return createDataset(step, context.tool);
    case 'zfs-set':
      return setProperty(step, context.tool);
    case 'zfs-inherit':
      return inheritProperty(step, context.tool);
    case 'zfs-mount':
      return mountDataset(step, context.tool);
    case 'directory-create':
      return createDirectory(step, context.directory);
    case 'directory-owner':
      return setOwner(step, context.directory);
    case 'directory-mode':
      return setMode(step, context.directory);
    case 'network-create':
      return createNetwork(step, context.docker);
    case 'network-remove':
      return removeNetwork(step, context.docker);
    case 'caddy-load':
      return loadSnippet(step, { timeoutMs: context.docker.timeoutMs, signal: context.docker.signal });
    case 'dns-put':
    case 'dns-remove':
      return changeRecord(step, context.tool);
    case 'network-connect':
      return connectNetwork(step, context.docker);
    case 'network-disconnect':
      return disconnectNetwork(step, context.docker);
    case 'image-pull':
      return pullImage(step, context.image);
    case 'image-tag':
      return tagImage(step, context.docker);
    case 'compose-up':
    case 'compose-restart':
      return runStack(step, context.compose);
    case 'compose-down':
      return composeDown(step, context.compose);
    case 'container-remove':
      return removeContainer(step, context.container);
    default:
      return runBackupStep(step, context.backup);
  }
}
