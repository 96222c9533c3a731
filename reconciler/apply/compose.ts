import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { composeEnvironment } from '../../tools/compose.ts';
import type { StackRef, Step } from '../types.ts';
import { argvOf } from './argv.ts';
import { stackArgv } from './compose-argv.ts';
import { lastFault } from './compose-output.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import { type SecretOptions, withSecrets } from './secret-env.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

export interface ComposeOptions extends ToolOptions {
  socketPath?: string | undefined;
  readMountinfo?: ReadMountinfo | undefined;
  secret: SecretOptions;
}

type ComposeStep = Extract<Step, { op: 'compose-up' | 'compose-restart' }>;

/** `up` or `restart` of one stack, while the datasets that it writes to are held mounted. */
export async function runStack(step: ComposeStep, options: ComposeOptions): Promise<void> {
  await whileMounted(step.guards, options.readMountinfo, async () => {
    await writeOverride(step.stack.override);
    await withSecrets(step.stack, options.secret, (opened) => compose(stackArgv(step, opened), options));
  });
}

/** Containers and networks that compose made for this project; named volumes are data and stay. */
export async function composeDown(
  step: Extract<Step, { op: 'compose-down' }>,
  options: ComposeOptions,
): Promise<void> {
  const [argv = []] = argvOf(step);
  await compose(argv, options);
}

/** In `/`: without `-f`, compose takes the first compose file that it finds upwards of where it is started. */
async function compose(argv: string[], options: ComposeOptions): Promise<void> {
  const { commands, timeoutMs, signal } = options;
  const env = composeEnvironment(process.env, options.socketPath);
  await callTool(argv, { commands, timeoutMs, signal, cwd: '/', env, inheritEnv: false }, lastFault);
}

/** Whole or not at all, and left alone when it is the same already. */
async function writeOverride(override: StackRef['override']): Promise<void> {
  if (override === null) return;
  const temporary = `${override.path}.${process.pid}.tmp`;
  try {
    const present = await readFile(override.path, 'utf8').catch(() => null);
    if (present === override.content) return await chmod(override.path, 0o600);
    await mkdir(path.dirname(override.path), { recursive: true, mode: 0o700 });
    await writeFile(temporary, override.content, { mode: 0o600, flush: true });
    await rename(temporary, override.path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new StepError(`${override.path} could not be written: ${(cause as Error).message}`, { cause });
  }
}
