import path from 'node:path';
import { digest, digestValue } from '../../tools/digest.ts';
import { publishedPort } from '../../tools/published-port.ts';
import { overrideYaml } from '../compose/override.ts';
import type { ComposeReader, ComposeRequest, ResolvedService, View } from '../compose/types.ts';
import { repositoryContent } from '../content.ts';
import { type Inferred, type ServiceContext, stackOrigin } from '../context.ts';
import { fieldOrigins, flatten } from '../fields.ts';
import { describeHub } from '../hub/hub.ts';
import { bindMounts, containerNames, networkNames } from '../mounts.ts';
import { durationSeconds } from '../schema/units.ts';
import type { DesiredContainer, DesiredStack, ResourceId } from '../types.ts';
import { containerInputs, madeOnce } from './container-inputs.ts';

/** Label that carries the digest of a container's configuration files. */
export const filesLabel = 'io.steward.files';

/** The stack of one service, without config hashes (see `withConfigHashes`). */
export async function serviceStack(context: ServiceContext): Promise<Inferred<DesiredStack>> {
  const { folder, view, config, project } = context;
  const content = await repositoryContent(context);
  const mounts = bindMounts(context);
  const containers = containerNames(context).flatMap((name) => {
    const service = project.services[name];
    const sources = mounts.filter((mount) => mount.container === name).map((mount) => mount.source);
    return service
      ? [container(context, name, service, sources, readAtStart(context, content.files[name] ?? {}))]
      : [];
  });
  const directory = path.posix.join(view.as, folder.folder);
  const stack: DesiredStack = {
    kind: 'compose-stack',
    id: `compose-stack:${folder.name}`,
    name: folder.name,
    service: folder.name,
    origin: stackOrigin(context),
    needs: [...context.earlier.map((resource) => resource.id), ...dependencies(config.deploy.dependsOn)],
    directory,
    files: folder.composeFiles.map((file) => path.posix.join(directory, file)),
    envFiles: context.envFiles,
    ...(context.encrypted.length === 0 ? {} : { encrypted: context.encrypted }),
    ...(context.locked === null ? {} : { locked: context.locked }),
    override: override(context, containers),
    containers,
    inputDigest: await inputDigest(context, content.files),
    healthTimeoutSeconds: durationSeconds(config.deploy.healthTimeout) ?? 180,
    suspend: config.suspend,
  };
  return { resources: [stack], problems: content.problems, outside: outsideFiles(context, content.files) };
}

/**
 * The hub is told of its Caddyfile while it runs: it is not made anew for one. But for the socket on which it is told:
 * of another one it learns when it starts.
 */
function readAtStart(context: ServiceContext, files: Record<string, string>): Record<string, string> {
  const { hub } = describeHub(context);
  const file = `${context.folder.folder}/Caddyfile`;
  return hub === null || files[file] === undefined ? files : { ...files, [file]: digest(hub.socket) };
}

function dependencies(names: string[]): ResourceId[] {
  return names.map((name): ResourceId => `compose-stack:${name}`);
}

function container(
  context: ServiceContext,
  name: string,
  service: ResolvedService,
  sources: string[],
  files: Record<string, string>,
): DesiredContainer {
  const { inputs, origins } = containerInputs(context, service);
  return {
    name,
    containerName: service.container_name ?? null,
    image: service.image ?? '',
    build: service.build !== undefined,
    pull: pullOf(service.pull_policy),
    replicas: service.deploy?.replicas ?? service.scale ?? 1,
    oneShot: isOneShot(service),
    hasHealthcheck: hasHealthcheck(service),
    networks: networkNames(context.project, service),
    published: publishedPorts(service),
    bindMounts: [...new Set(sources)],
    stopGraceSeconds: graceSeconds(service.stop_grace_period),
    configHash: null,
    filesDigest: Object.keys(files).length === 0 ? null : digestValue(files),
    files,
    fields: flatten(withoutNulls(service)),
    fieldOrigins: { ...fieldOrigins(context, name, withoutNulls(service)), ...origins },
    ...(inputs === undefined ? {} : { inputs }),
    ...madeOnce(context, service),
  };
}

/** `command: null` is how compose prints that nothing is said. */
function withoutNulls(service: ResolvedService): Record<string, unknown> {
  return Object.fromEntries(Object.entries(service).filter(([, value]) => value !== null));
}

/** Docker starts neither of these again after an exit with 0. */
/** What compose calls `build` or `if_not_present`, and the rarer `daily`, fetch nothing that is there. */
function pullOf(policy: unknown): DesiredContainer['pull'] {
  return policy === 'always' || policy === 'never' ? policy : 'missing';
}

function publishedPorts({ ports = [] }: ResolvedService): string[] | null {
  const isFixed = ports.every(({ published }) => /^\d+$/.test(published ?? ''));
  if (!isFixed) return null;
  return ports.map(({ host_ip, published = '', protocol = 'tcp' }) =>
    publishedPort(host_ip, published, protocol),
  );
}

function isOneShot(service: ResolvedService): boolean {
  const restart = service.restart ?? 'no';
  return restart === 'no' || restart === '' || restart.startsWith('on-failure');
}

function hasHealthcheck(service: ResolvedService): boolean {
  const check = service.healthcheck;
  return (
    check !== undefined && check.disable !== true && check.test?.[0] !== 'NONE' && check.test !== undefined
  );
}

/** Compose prints Go durations such as `1m30s`, `10s` or `500ms`. Docker's default is 10 s. */
function graceSeconds(period: string | undefined): number {
  if (period === undefined) return 10;
  const milliseconds = /(\d+(?:\.\d+)?)ms$/.exec(period);
  const rest = durationSeconds(period.replace(/\d+(?:\.\d+)?ms$/, '').replace(/\.\d+s$/, 's')) ?? 0;
  return rest + (milliseconds ? Math.ceil(Number(milliseconds[1]) / 1000) : 0);
}

function override(context: ServiceContext, containers: DesiredContainer[]): DesiredStack['override'] {
  const labels = extraLabels(containers);
  if (Object.keys(labels).length === 0) return null;
  const file = path.posix.join(context.lab.stateDir, 'overrides', `${context.folder.name}.yml`);
  return { path: file, content: overrideYaml(labels) };
}

function extraLabels(containers: DesiredContainer[]): Record<string, Record<string, string>> {
  return Object.fromEntries(
    containers.flatMap(({ name, filesDigest }) =>
      filesDigest === null ? [] : [[name, { [filesLabel]: filesDigest }]],
    ),
  );
}

/** The resolved project stands for includes and env files; the files as written for what resolving loses. */
async function inputDigest(
  context: ServiceContext,
  files: Record<string, Record<string, string>>,
): Promise<string> {
  const { folder, project } = context;
  const written = await Promise.all(
    folder.composeFiles.map(
      async (file) => (await context.files.read(`${folder.folder}/${file}`))?.digest ?? null,
    ),
  );
  const { envFiles, encrypted, locked } = context;
  const secret = encrypted.length === 0 ? {} : { encrypted, isLocked: locked !== null };
  return digestValue({ project, written, files, envFiles, ...secret });
}

function outsideFiles(
  context: ServiceContext,
  files: Record<string, Record<string, string>>,
): Record<string, string> {
  const all = Object.assign({}, ...Object.values(files)) as Record<string, string>;
  const foreign = Object.entries(all).filter(([file]) => !file.startsWith(`${context.folder.folder}/`));
  return Object.fromEntries(foreign);
}

/**
 * The same stack with what compose would stamp on each container. `view` is the one that the stack was loaded from:
 * the checkout may still hold an older commit. Throws ToolError.
 */
export async function withConfigHashes(
  stack: DesiredStack,
  reader: Pick<ComposeReader, 'hashes'>,
  view: View,
): Promise<DesiredStack> {
  // What cannot be opened cannot be hashed, and its containers are not compared.
  if (stack.locked !== undefined) return stack;
  const hashes = await reader.hashes(composeRequest(stack, view));
  const containers = stack.containers.map((item) => ({ ...item, configHash: hashes[item.name] ?? null }));
  return { ...stack, containers };
}

/** The other way round: what compose has just stamped on this stack's containers. */
export async function learnConfigHashes(
  stack: DesiredStack,
  reader: Pick<ComposeReader, 'learn'>,
  view: View,
  hashes: Record<string, string>,
): Promise<void> {
  await reader.learn?.(composeRequest(stack, view), hashes);
}

function composeRequest(stack: DesiredStack, view: View): ComposeRequest {
  const readable = (file: string) =>
    file.startsWith(`${view.as}/`) ? path.posix.join(view.root, file.slice(view.as.length)) : file;
  return {
    project: stack.name,
    view,
    folder: path.posix.relative(view.as, stack.directory),
    files: stack.files.map((file) => path.posix.basename(file)),
    envFiles: stack.envFiles.map(readable),
    ...(stack.encrypted === undefined ? {} : { encrypted: stack.encrypted.map(readable) }),
    extraLabels: extraLabels(stack.containers),
  };
}
