import path from 'node:path';
import type { SecretBox } from '../tools/secrets/box.ts';
import { envDoubt } from './compose/env-doubt.ts';
import { bounds, tooLarge } from './compose/too-much.ts';
import type { ComposeReader, ComposeRequest, ResolvedProject, Unresolved, View } from './compose/types.ts';
import { type EnvLines, type LabInputs, type ServiceContext, yamlOrigin } from './context.ts';
import { describe } from './describe.ts';
import { nameProblems } from './docker-names.ts';
import { envLines } from './fields.ts';
import type { PathState, RepositoryFiles, TreeResult } from './files.ts';
import { describeHub } from './hub/hub.ts';
import { parseYaml, type YamlFile } from './locate.ts';
import type { ServiceModel } from './model.ts';
import { checkPolicy } from './policy/check.ts';
import { reachedFiles } from './policy/outside-files.ts';
import { refusedFirst } from './policy/refuse.ts';
import { errorAt, warningAt } from './problems.ts';
import { inferService } from './resources/index.ts';
import { checkFile } from './schema/explain.ts';
import { type ServiceConfig, serviceSchema } from './schema/service.ts';
import { checkUse, shownVariables } from './secrets/check-use.ts';
import { type Opened, openSecrets } from './secrets/open.ts';
import type { HostEnv, ServiceFolder } from './service-folder.ts';
import type { Problem } from './types.ts';

export interface ServiceInputs {
  folder: ServiceFolder;
  view: View;
  lab: LabInputs;
  files: RepositoryFiles;
  compose: ComposeReader;
  secrets: SecretBox;
  hostEnv: HostEnv | null;
  /** All files of the folder. */
  tree: TreeResult;
  /** The service was read before and had no labels to add: its hashes will be wanted, and can be asked for already. */
  hashesEarly?: boolean;
}

export interface LoadedService {
  /** Null where an error leaves too little to work with; the errors are in `problems`. */
  model: ServiceModel | null;
  problems: Problem[];
  /** Repository files outside the folder that the model follows from: path -> digest. */
  outside: Record<string, string>;
}

/** Reads one service. Throws ToolError where the compose reader cannot be run at all. */
export async function loadService(inputs: ServiceInputs): Promise<LoadedService> {
  const { folder, files, view, lab } = inputs;
  const service = await readServiceFile(folder, files);
  const opened = await openSecrets(folder, files, inputs.secrets);
  const composeYaml = await readComposeYaml(folder, files);
  const env = [...(await readEnvLines(inputs)), ...opened.env];
  const written = { ...inputs, name: folder.name, composeYaml, env };
  const taken = folder.encrypted.length === 0 ? [] : reachedFiles(written).map(({ yaml }) => yaml);
  const refused = [
    ...unclearEnv(inputs),
    ...refusedFirst(written, service.config),
    ...taken.flatMap((yaml) => shownVariables(written, yaml)),
  ];
  const resolved =
    refused.length > 0 ? { problems: refused } : await resolveCompose(inputs, opened, composeYaml);
  const problems = [...folder.problems, ...service.problems, ...resolved.problems];
  if (resolved.project === undefined) return { model: null, problems, outside: {} };
  const context: Omit<ServiceContext, 'earlier'> = {
    folder,
    view,
    lab,
    files,
    config: service.config,
    serviceYaml: service.yaml,
    composeYaml,
    env,
    envFiles: envFiles(inputs, view.as),
    encrypted: encryptedFiles(folder, view.as),
    locked: opened.locked,
    project: resolved.project,
  };
  const inferred = await inferService(context);
  problems.push(...inferred.problems, ...nameProblems({ ...context, earlier: [] }));
  if (folder.encrypted.length > 0) problems.push(...checkUse(context, opened, taken));
  return { model: toModel(context, inferred.resources, problems), problems, outside: inferred.outside };
}

function toModel(
  context: Omit<ServiceContext, 'earlier'>,
  resources: ServiceModel['resources'],
  problems: Problem[],
): ServiceModel {
  const { folder, config } = context;
  return {
    name: folder.name,
    origin: { file: `${folder.folder}/${folder.composeFiles[0] ?? ''}`, line: 1, column: 1 },
    suspended: config.suspend,
    resources,
    ...describe(context),
    hub: describeHub({ ...context, earlier: [] }),
    broken: checkPolicy({ ...context, earlier: resources }),
    allowed: allowedBy(context),
    problems,
  };
}

function allowedBy(context: Omit<ServiceContext, 'earlier'>): ServiceModel['allowed'] {
  const full = { ...context, earlier: [] };
  return (context.config.policy?.allow ?? []).map((each, index) => ({
    ...each,
    origin: yamlOrigin(full, ['policy', 'allow', index, 'rule']),
  }));
}

interface ServiceFile {
  config: ServiceConfig;
  yaml: YamlFile | null;
  problems: Problem[];
}

async function readServiceFile(folder: ServiceFolder, files: RepositoryFiles): Promise<ServiceFile> {
  const defaults = serviceSchema.parse({});
  if (folder.serviceFile === null) return { config: defaults, yaml: null, problems: [] };
  const content = files.read(folder.serviceFile);
  if (content === null) return { config: defaults, yaml: null, problems: [unreadable(folder.serviceFile)] };
  const yaml = parseYaml(folder.serviceFile, content.bytes);
  // An empty service.yaml, or one of comments only, says what none at all says.
  if (yaml.value === null && yaml.problems.length === 0) return { config: defaults, yaml, problems: [] };
  const { value, problems } = checkFile(yaml, serviceSchema);
  return { config: value ?? defaults, yaml, problems };
}

function unreadable(file: string): Problem {
  const message = `${file} leaves the repository or is larger than 16 MiB`;
  return errorAt({ file, line: 1, column: 1 }, message, 'put the file itself into the repository');
}

async function resolveCompose(
  inputs: ServiceInputs,
  { locked }: Opened,
  composeYaml: readonly YamlFile[],
): Promise<{ project?: ResolvedProject; problems: Problem[] }> {
  const { folder, view, compose } = inputs;
  const unsafe = await unsafePaths(inputs);
  if (unsafe.length > 0) return { problems: unsafe };
  const request: ComposeRequest = {
    project: folder.name,
    view,
    folder: folder.folder,
    files: folder.composeFiles,
    envFiles: envFiles(inputs, view.root),
    ...secretPart(encryptedFiles(folder, view.root), locked),
    extraLabels: {},
  };
  // Whoever needs them asks again, and hears of a failure then.
  if (inputs.hashesEarly === true && locked === null) compose.hashes(request).catch(() => {});
  const result = await compose.resolve(request);
  if (result.ok) {
    const problems = result.unresolved.flatMap((each) => notJudged(each, composeYaml));
    return { project: result.project, problems };
  }
  return { problems: result.problems.map((problem) => mentionEncrypted(problem, inputs, locked)) };
}

/** Told rather than refused: the server, where compose is, judges it before anything is done. */
function notJudged({ path: at, message }: Unresolved, composeYaml: readonly YamlFile[]): Problem[] {
  const origin = (composeYaml.findLast((each) => each.find(at)) ?? composeYaml[0])?.atKey(at);
  if (origin === undefined) return [];
  const said = `${message}, which only docker compose reads: no rule has judged what is in there`;
  return [warningAt(origin, said, 'run steward validate where docker compose is')];
}

function secretPart(files: string[], locked: string | null): Pick<ComposeRequest, 'encrypted' | 'standIns'> {
  if (files.length === 0) return {};
  return locked === null ? { encrypted: files } : { standIns: true };
}

function encryptedFiles({ folder, encrypted }: ServiceFolder, root: string): string[] {
  return encrypted.map((name) => path.posix.join(root, folder, name));
}

/** Compose follows links on its own, so it is not called where one leads out of the repository. */
async function unsafePaths({ folder, files, tree }: ServiceInputs): Promise<Problem[]> {
  if (!tree.ok && tree.reason === 'outside') {
    const message = `${tree.path} is a symbolic link that leaves the repository`;
    const fix = 'put the file itself into the repository';
    return [errorAt({ file: tree.path, line: 1, column: 1 }, message, fix)];
  }
  const names = [...folder.composeFiles, ...(folder.hasEnv ? ['.env'] : []), ...folder.encrypted];
  const own = names.map((name) => `${folder.folder}/${name}`);
  const states = await Promise.all(own.map(async (file) => ({ file, state: files.state(file) })));
  const isUnread = ({ file, state }: { file: string; state: PathState }) =>
    state !== 'file' || files.read(file) === null;
  return states.filter(isUnread).map(({ file }) => unreadable(file));
}

/** Environment files in order, with the repository's one below `root`. */
function envFiles(inputs: ServiceInputs, root: string): string[] {
  const { folder, hostEnv } = inputs;
  const own = folder.hasEnv ? [path.posix.join(root, folder.folder, '.env')] : [];
  return [...own, ...(hostEnv ? [hostEnv.file] : [])];
}

/** A variable that nobody sets may well be set in a file that is not read; what refuses a stand-in is no mistake. */
function mentionEncrypted(problem: Problem, { folder }: ServiceInputs, locked: string | null): Problem {
  if (locked !== null) return { ...problem, message: `${problem.message}; ${locked}` };
  const { unread } = folder;
  if (unread.length === 0 || !/variable/i.test(problem.message)) return problem;
  const message = `${problem.message}; ${unread.join(', ')} is encrypted, and Steward does not read files of that name`;
  return { ...problem, message, fix: 'put the value into .env.age with steward secrets edit' };
}

async function readComposeYaml(folder: ServiceFolder, files: RepositoryFiles): Promise<YamlFile[]> {
  const read = folder.composeFiles.map(async (name) => {
    const file = `${folder.folder}/${name}`;
    const content = files.read(file);
    return content === null ? [] : [parseYaml(file, content.bytes)];
  });
  return (await Promise.all(read)).flat();
}

/** Compose would hand its programs each variable that it finds there, whoever else does not see it. */
function unclearEnv({ folder, files }: ServiceInputs): Problem[] {
  const file = `${folder.folder}/.env`;
  const bytes = folder.hasEnv ? files.read(file)?.bytes : undefined;
  if ((bytes?.length ?? 0) > bounds.file)
    return [errorAt({ file, line: 1, column: 1 }, tooLarge, 'give the container a file')];
  const doubt = bytes === undefined ? null : envDoubt(new TextDecoder().decode(bytes));
  if (doubt === null) return [];
  return [errorAt({ file, ...doubt }, `compose may read this line in another way: ${doubt.why}`, doubt.fix)];
}

async function readEnvLines(inputs: ServiceInputs): Promise<EnvLines[]> {
  const { folder, files, hostEnv } = inputs;
  const own = folder.hasEnv ? files.read(`${folder.folder}/.env`) : null;
  const host = hostEnv === null ? [] : [envLines(null, hostEnv.bytes)];
  return [...(own === null ? [] : [envLines(`${folder.folder}/.env`, own.bytes)]), ...host];
}
