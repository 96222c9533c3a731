import { observeContainers } from '../../observers/docker.ts';
import { systemClock } from '../../tools/clock.ts';
import { composeEnvironment } from '../../tools/compose.ts';
import { connectDocker, deadline } from '../../tools/docker.ts';
import { gateKeeper } from '../gate.ts';
import { isolated, type Model } from '../proof/isolated.ts';
import type { DrillFacts } from '../proof/types.ts';
import type { HealthGate, ProofStep } from '../types.ts';
import { composeArgv, drillArgv, drillStopArgv } from './compose-argv.ts';
import { failedDependency, lastFault } from './compose-output.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import { blotted, type SecretOptions, withSecrets } from './secret-env.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError, type StepFacts } from './types.ts';

type StepOf<Op extends ProofStep['op']> = Extract<ProofStep, { op: Op }>;

export interface DrillStackOptions extends ToolOptions {
  socketPath?: string | undefined;
  readMountinfo?: ReadMountinfo | undefined;
  secret: SecretOptions;
}

/** For `up` itself; how long it may take to become healthy is the step's. */
const upTimeoutMs = 900_000;

/**
 * The stack of the service on what was restored. Its configuration, secrets and all, goes from compose to compose in
 * memory. One that cannot be kept apart is not started, and that is told; one that does not become healthy fails the drill.
 */
export async function startDrill(
  step: StepOf<'drill-start'>,
  options: DrillStackOptions,
): Promise<StepFacts> {
  const { stack, project, from, guard, archive } = step;
  const { model, blot } = await withSecrets(stack, options.secret, async (opened, blot) => {
    const config = [...composeArgv(stack, opened), 'config', '--format', 'json'];
    return { model: JSON.parse(await compose(config, options)) as Model, blot };
  });
  const apart = isolated(model, { project, from, to: guard.mountpoint, directory: stack.directory });
  const good: DrillFacts = { archive, entries: 0, difference: null };
  if ('refused' in apart)
    return { drill: good, notes: [`it was not started on what was restored: ${apart.refused}`] };
  const bridge = await bridgeOf(options);
  const stopped = await whileMounted([guard], options.readMountinfo, async () => {
    const input = JSON.stringify(apart.model);
    const up = [...drillArgv(project), '-f', '-', 'up', '-d', '--no-build'];
    return compose(up, { ...options, input }).then(
      () => null,
      (error) => unwellOf(blotted(error, blot)),
    );
  });
  const why = await unwell(stopped, step, apart.model, bridge, options);
  if (why === null) return { drill: good };
  const difference = `${archive} restores to what was archived, and ${step.service} does not get well on it: ${why}`;
  return { drill: { ...good, difference }, failed: difference };
}

/** Compose waits for what others depend on, and gives up where that does not get well: no failure of the drill itself. */
function unwellOf(error: unknown): string {
  const why = error instanceof StepError ? failedDependency(error.message) : null;
  if (why === null) throw error;
  return why;
}

/**
 * A sentence why the stack does not get well; null where it does. Throws where that was not found out: that Steward was
 * told to stop, or that Docker was away, with what ran on it, says nothing of the archive.
 */
async function unwell(
  stopped: string | null,
  step: StepOf<'drill-start'>,
  model: Model,
  bridge: string | null,
  options: DrillStackOptions,
): Promise<string | null> {
  const { socketPath, signal } = options;
  const away: string[] = [];
  const look = async () => {
    const found = await observeContainers({ signal, ...(socketPath === undefined ? {} : { socketPath }) });
    if (!found.known) away.push(found.error);
    return found;
  };
  if (stopped !== null) await look();
  const why = stopped ?? (await gateKeeper(look, systemClock)(gateOf(step, model), signal));
  if (why === null) return null;
  if (signal?.aborted === true) throw new StepError(`the drill's stack: ${why}`);
  if ((await bridgeOf(options)) !== bridge) away.push('Docker was restarted meanwhile');
  const [docker] = away;
  if (docker === undefined) return why;
  throw new StepError(
    `the drill's stack: ${docker}; that may be why it did not get well (${why}), so the archive is tried again`,
  );
}

/**
 * Docker makes its own network anew whenever it starts (tried: 20.10): where it is another one, so is Docker. That it was away
 * in between need not be seen: systemd holds its socket, and who asks then waits. Null: it has none, or does not answer.
 */
async function bridgeOf({ socketPath, signal, timeoutMs }: DrillStackOptions): Promise<string | null> {
  try {
    const docker = await connectDocker({ socketPath });
    const abortSignal = deadline(timeoutMs, signal);
    const alike = await docker.listNetworks({ filters: { name: ['bridge'] }, abortSignal });
    return alike.find(({ Name }) => Name === 'bridge')?.Id ?? null;
  } catch {
    return null;
  }
}

function gateOf(
  { project, timeoutSeconds, oneShots }: StepOf<'drill-start'>,
  { services }: Model,
): HealthGate {
  const containers = Object.entries(services).map(([service, { healthcheck }]) => ({
    ...{ service, oneShot: oneShots.includes(service), replicas: 1 },
    hasHealthcheck: healthcheck !== undefined,
  }));
  return { project, timeoutSeconds, containers };
}

/** What is not there is done. */
export async function stopDrill(
  step: StepOf<'drill-stop'>,
  options: Omit<DrillStackOptions, 'secret'>,
): Promise<void> {
  await compose(drillStopArgv(step.project), options);
}

/** In `/`, as every call of compose: else it takes the compose file that it finds upwards of here. */
async function compose(
  argv: string[],
  options: Omit<DrillStackOptions, 'secret'> & { input?: string },
): Promise<string> {
  const { commands, signal, socketPath, input } = options;
  const env = composeEnvironment(process.env, socketPath);
  const given = input === undefined ? {} : { input };
  try {
    return await callTool(
      argv,
      { commands, timeoutMs: upTimeoutMs, signal, cwd: '/', env, inheritEnv: false, ...given },
      lastFault,
    );
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new StepError(`the drill's stack: ${error.message}`, { retryable: error.retryable, cause: error });
  }
}
