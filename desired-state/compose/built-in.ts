import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { composeEnvironment } from '../../tools/compose.ts';
import { canonicalJson, digestValue } from '../../tools/digest.ts';
import type { SecretBox } from '../../tools/secrets/box.ts';
import { keyedDigest } from '../../tools/secrets/mask-key.ts';
import { absolutePaths, canonical, withDefaults } from './canonical.ts';
import { readableAt } from './command.ts';
import { complaints } from './complaint.ts';
import { checkConsistency, checkResources } from './consistency.ts';
import { parseEnvFile } from './env-file.ts';
import { applyExtends } from './extend.ts';
import { interpolate, type Variables } from './interpolate.ts';
import { maskSecrets } from './mask.ts';
import { mergeModels, unique } from './merge.ts';
import { Complaint, emptyModel, isModel, keyValues, type Model, type Value } from './model.ts';
import { normalise, section } from './normalise.ts';
import { type OpenedRequest, openRequest } from './opened.ts';
import { overrideYaml } from './override.ts';
import { type ParsedDocument, parseDocuments } from './parse.ts';
import { escapeDollars, printed } from './print.ts';
import { schemaComplaint } from './schema-complaint.ts';
import { resourceShapes, serviceShape } from './shapes.ts';
import { type ComposeSource, readSources, secretValues } from './sources.ts';
import { TooMuch, tooMuchProblem, within } from './too-much.ts';
import type { ComposeReader, ComposeRequest, ComposeResult, ResolvedProject, Unresolved } from './types.ts';
import { unsetProblems } from './unset.ts';
import { projectVariables, shownAs, withVariableTexts } from './variables.ts';

/**
 * Reads compose files without Docker, following compose-go step by step: interpolate, extend, merge, validate,
 * long syntax, defaults, paths, names, print. `test/compose` holds it against the real one.
 */
export function builtInReader(options: BuiltInOptions = {}): ComposeReader {
  const { secrets, maskKey } = options;
  return {
    name: 'built-in',
    resolve: async (request) => {
      const result = await resolveUnmasked(request, secrets);
      if (!result.ok) return result;
      const project = await withVariableTexts(result.project, await openRequest(request, secrets));
      return { ...result, project: maskSecrets(project, maskKey) };
    },
    hashes: (request) => builtInHashes(request, options),
  };
}

export interface BuiltInOptions {
  /** Opens encrypted environment files; without one they count for nothing. */
  secrets?: SecretBox;
  /** Key of the digests that stand for values. */
  maskKey?: Uint8Array;
}

/** Own digests, stable for equal configuration; compose's differ, so they serve the simulator only. */
async function builtInHashes(
  request: ComposeRequest,
  { secrets, maskKey }: BuiltInOptions,
): Promise<Record<string, string>> {
  const result = await resolveUnmasked(request, secrets);
  if (!result.ok) return {};
  const digestOf = (value: unknown) =>
    maskKey === undefined ? digestValue(value) : keyedDigest(maskKey, canonicalJson(value));
  const pairs = Object.entries(result.project.services).map(([name, service]) => [
    name,
    `built-in-${digestOf({ ...service, depends_on: undefined, deploy: { ...service.deploy, replicas: null } })}`,
  ]);
  return Object.fromEntries(pairs);
}

/** With every value as it is: for tests against compose only. Bad input is a result; never throws for it. */
export async function resolveUnmasked(asked: ComposeRequest, secrets?: SecretBox): Promise<ComposeResult> {
  const request = await openRequest(asked, secrets);
  const sources = await readSources(request);
  const unset = new Set<string>();
  const unresolved: Unresolved[] = [];
  try {
    const project = await resolve(request, sources, unset, unresolved);
    if (unset.size === 0) return { ok: true, project, unresolved };
    return { ok: false, problems: unsetProblems([...unset].sort(), sources) };
  } catch (error) {
    if (error instanceof TooMuch) return { ok: false, problems: [tooMuchProblem(error, asked.folder)] };
    const said = refusalOf(error);
    const problems = complaints(said, sources, await secretValues(request));
    return { ok: false, problems: [...unsetProblems([...unset].sort(), sources), ...problems] };
  }
}

/** The input is a stranger's: a shape that no check foresaw is refused like any other. */
function refusalOf(error: unknown): string {
  if (error instanceof Complaint) return error.message;
  if (error instanceof TypeError || error instanceof RangeError)
    return 'the file has a shape that compose does not know';
  throw error;
}

async function resolve(
  request: OpenedRequest,
  sources: ComposeSource[],
  unset: Set<string>,
  unresolved: Unresolved[],
): Promise<ResolvedProject> {
  const variables = await projectVariables(request, unset);
  let model = emptyModel();
  for (const document of documents(request, sources))
    model = addDocument(model, document, variables, unresolved);
  if (Object.keys(model).length === 0) throw new Complaint('empty compose file');
  model = withDefaults(model);
  checkResources(model);
  const directory = path.posix.join(request.view.as, request.folder);
  model = absolutePaths(model, directory, composeEnvironment().HOME ?? '/');
  normalise(model, request.project, variables.get);
  return project(request, model, variables, unresolved.length === 0);
}

function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

function documents(request: ComposeRequest, sources: ComposeSource[]): ParsedDocument[] {
  const files = sources.map((source) => {
    if (source.bytes === null) throw new Complaint(`open ${source.yaml.file}: no such file or directory`);
    return source.text;
  });
  const labels = Object.keys(request.extraLabels).length > 0 ? [overrideYaml(request.extraLabels)] : [];
  return [...files, ...labels].flatMap(parseDocuments);
}

function addDocument(
  before: Model,
  document: ParsedDocument,
  variables: Variables,
  unresolved: Unresolved[],
): Model {
  if (!isModel(document.value)) throw new Complaint('Top-level object must be a mapping');
  const added = interpolate(document.value, variables) as Model;
  for (const name of applyExtends(added))
    unresolved.push({
      path: ['services', name, 'extends'],
      message: `${name} extends a service of another file`,
    });
  if (added.include !== undefined)
    unresolved.push({ path: ['include'], message: 'services of other files are included' });
  for (const place of document.cleared) clear(before, place);
  const merged = unique(mergeModels(before, added)) as Model;
  const complaint = schemaComplaint(plainNumbers(merged));
  if (complaint !== null)
    throw new Complaint(`validating ${complaint}`.replace('validating ', 'validating file: '));
  delete merged.version;
  return unique(canonical(merged)) as Model;
}

/** For the validator, which knows no bigint; infinity is no JSON. */
function plainNumbers(value: Value): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Complaint('json: unsupported value');
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isModel(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}

function clear(model: Model, place: string[]): void {
  const parent = place
    .slice(0, -1)
    .reduce<Value | undefined>((value, key) => (isModel(value) ? value[key] : undefined), model);
  if (isModel(parent)) delete parent[place.at(-1) ?? ''];
}

/** `isWhole`: nothing is left to compose. Else much may be missing that is in other files, and no fault of this one. */
async function project(
  request: ComposeRequest,
  model: Model,
  variables: Variables,
  isWhole: boolean,
): Promise<ResolvedProject> {
  const all = section(model, 'services');
  const enabled: Model = emptyModel();
  for (const [name, service] of Object.entries(all)) {
    const profiles = isModel(service) ? service.profiles : undefined;
    if (!Array.isArray(profiles) || profiles.length === 0) enabled[name] = service;
  }
  if (isWhole) checkConsistency(model, enabled);
  const services: Record<string, unknown> = {};
  for (const [name, service] of Object.entries(enabled)) {
    if (isModel(service)) await withFiles(request, service, variables);
    services[name] = printed(service, serviceShape, `services.${name}`);
  }
  const used = usedResources(enabled);
  const resources = Object.entries(resourceShapes).map(([kind, shape]) => {
    const entries = Object.entries(section(model, kind)).map(([key, value]) => [
      key,
      printed(value, shape, `${kind}.${key}`),
    ]);
    return [kind, Object.fromEntries(entries.filter(([key]) => used.has(`${kind}.${key}`)))];
  });
  return escapeDollars({
    name: request.project,
    services,
    ...Object.fromEntries(resources),
  }) as ResolvedProject;
}

/** env_file and label_file read; what the service itself says wins. */
async function withFiles(request: ComposeRequest, service: Model, variables: Variables): Promise<void> {
  const environment = await mappingFiles(request, service.env_file, variables);
  for (const [key, value] of keyValues(service.environment ?? null)) {
    environment[key] = value ?? variables.get(key) ?? null;
  }
  if (Object.keys(environment).length > 0) service.environment = environment;
  const labels = await mappingFiles(request, service.label_file, {
    get: () => undefined,
    unset: variables.unset,
  });
  for (const [key, value] of keyValues(service.labels ?? null)) labels[key] = value ?? '';
  if (Object.keys(labels).length > 0) service.labels = labels;
}

async function mappingFiles(
  request: ComposeRequest,
  files: Value | undefined,
  variables: Variables,
): Promise<Model> {
  const values = emptyModel();
  const known: Variables = {
    get: (name) => (typeof values[name] === 'string' ? values[name] : variables.get(name)),
    unset: variables.unset,
  };
  for (const item of Array.isArray(files) ? files : []) {
    const entry = isModel(item) ? item : { path: item, required: true };
    const file = String(entry.path);
    const text = await readText(readableAt(request.view, file));
    if (text === null && entry.required !== false) throw new Complaint(`env file ${file} not found`);
    if (text === null) continue;
    const read = within(shownAs(request.view, readableAt(request.view, file)), () =>
      parseEnvFile(text, known),
    );
    Object.assign(values, Object.fromEntries(read));
  }
  return values;
}

/** `kind.name` of each top-level resource that a service uses: compose prints no others. */
function usedResources(services: Model): Set<string> {
  const sources = (value: Value | undefined, kind: string) =>
    (Array.isArray(value) ? value : []).filter(isModel).map((item) => `${kind}.${String(item.source)}`);
  return new Set(
    Object.values(services)
      .filter(isModel)
      .flatMap((service) => [
        ...Object.keys(isModel(service.networks) ? service.networks : {}).map((name) => `networks.${name}`),
        ...sources(service.volumes, 'volumes'),
        ...sources(service.configs, 'configs'),
        ...sources(service.secrets, 'secrets'),
        ...sources(isModel(service.build) ? service.build.secrets : undefined, 'secrets'),
      ]),
  );
}
