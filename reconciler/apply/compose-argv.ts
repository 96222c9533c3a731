import path from 'node:path';
import type { ComposeUp, StackRef, Step } from '../types.ts';

type ComposeRestart = Extract<Step, { op: 'compose-restart' }>;

/**
 * Compose for one stack, up to its sub-command. `opened`: where its encrypted files lie for this call; a person who
 * types it would have to open them first, e.g. into such a file.
 */
export function composeArgv(stack: StackRef, opened = shownFiles(stack)): string[] {
  const envFiles = [...stack.envFiles, ...opened];
  const files = [...stack.files, ...(stack.override === null ? [] : [stack.override.path])];
  return [
    ...['docker', 'compose', '-p', stack.project, '--project-directory', stack.directory],
    ...files.flatMap((file) => ['-f', file]),
    // Without any, compose would take a .env from the folder by itself, which desired-state may have left out.
    ...(envFiles.length === 0 ? ['/dev/null'] : envFiles).flatMap((file) => ['--env-file', file]),
  ];
}

function shownFiles({ project, encrypted = [] }: StackRef): string[] {
  return encrypted.map((file) => `/run/steward/env/${project}${path.posix.basename(file)}`);
}

/** `up` or `restart` of one stack. */
export function stackArgv(step: ComposeUp | ComposeRestart, opened?: string[]): string[] {
  if (step.op === 'compose-up') return composeUpArgv(step, opened);
  return [...composeArgv(step.stack, opened), 'restart', ...step.services];
}

/**
 * Never `--no-deps`: compose 2.26 then hashes the service without its depends_on, so that the container carries
 * another config-hash than `config --hash` prints and would be recreated for ever. Without it compose looks at the
 * dependencies as well: those that run unchanged stay, those that are down are started.
 */
export function composeUpArgv(step: ComposeUp, opened?: string[]): string[] {
  return [
    ...composeArgv(step.stack, opened),
    // What has to be fetched was fetched in steps of its own, by whoever may: `pull_policy: always` stays ours.
    ...['up', '-d', '--pull', 'missing'],
    ...(step.build ? ['--build'] : []),
    ...(step.forceRecreate ? ['--force-recreate'] : []),
    ...step.services,
  ];
}

/**
 * By the project label alone: the compose file may be gone from Git. `--remove-orphans` takes the one-off containers
 * of `compose run` too, which would keep the network busy. Never `-v`: volumes are data.
 */
export function composeDownArgv(project: string): string[] {
  return ['docker', 'compose', '-p', project, 'down', '--remove-orphans'];
}

/** Compose for a stack that only a drill knows of: it reads no file. */
export function drillArgv(project: string): string[] {
  return ['docker', 'compose', '-p', project, '--project-directory', '/', '--env-file', '/dev/null'];
}

/** With its network and volumes: all of it is the drill's own. */
export function drillStopArgv(project: string): string[] {
  return [...drillArgv(project), 'down', '--remove-orphans', '--volumes', '--timeout', '10'];
}
