import pLimit from 'p-limit';
import { checkPool, checkServices, checkUnique, ownerOfPath } from './check.ts';
import type { ComposeReader } from './compose/types.ts';
import type { LabInputs } from './context.ts';
import { type RepositoryFiles, repositoryFiles } from './files.ts';
import { type LabFile, readLab } from './lab.ts';
import { createLoadMemo, forgetOthers, type LoadMemo, remembered } from './memo.ts';
import type { ServiceModel } from './model.ts';
import { compareText, errorAt, sortProblems, warningAt } from './problems.ts';
import { mergeNetworks } from './resources/docker-network.ts';
import { parentDataset } from './resources/zfs-dataset.ts';
import { type LoadedService, loadService } from './service.ts';
import { inspectFolder, readHostEnv, type ServiceFolder } from './service-folder.ts';
import type {
  CommitInfo,
  DesiredNetwork,
  DesiredResource,
  DesiredState,
  LoadResult,
  Problem,
  ResourceId,
} from './types.ts';

export interface LoadOptions {
  /** Where the files of the commit (lab.yaml, services/) can be read now. */
  root: string;
  /** The stable path that they will have; default `root`. */
  as?: string;
  commit: CommitInfo;
  compose: ComposeReader;
  /** Where NAME.env of each service is; null for none. Default /etc/steward/env. */
  hostEnvDir?: string | null;
  /** Generated overrides go to <stateDir>/overrides. Default /var/lib/steward. */
  stateDir?: string;
  /** What earlier loads of this process learnt. Default: one that all loads share. */
  memo?: LoadMemo;
  /** Services read side by side. Default 8. */
  concurrency?: number;
}

const sharedMemo = createLoadMemo();

/**
 * Reads a commit: the desired state, or every problem of all files at once. Throws only what is no fault of the
 * repository: ToolError of the compose reader, I/O errors.
 */
export async function loadDesiredState(options: LoadOptions): Promise<LoadResult> {
  const files = repositoryFiles(options.root);
  const lab = await readLab(files);
  const folders = await readFolders(files);
  const loaded = await loadServices(options, files, lab, folders.services);
  const models = loaded.flatMap(({ model }) => (model ? [model] : []));
  const state = assemble(options.commit, lab, models);
  const problems = sortProblems([
    ...lab.problems,
    ...folders.problems,
    ...loaded.flatMap((service) => service.problems),
    ...checkServices(
      models,
      folders.services.map(({ name }) => name),
      lab,
    ),
    ...checkPool(state.resources, lab),
    ...checkUnique(state.resources),
    ...parentDataset(lab).problems,
  ]);
  if (problems.some(({ severity }) => severity === 'error')) return { ok: false, problems };
  return { ok: true, state: { ...state, warnings: problems } };
}

interface Folders {
  services: ServiceFolder[];
  problems: Problem[];
}

async function readFolders(files: RepositoryFiles): Promise<Folders> {
  const at = { file: 'services', line: 1, column: 1 };
  const state = await files.state('services');
  if (state === 'outside') {
    const message = 'services is a symbolic link that leaves the repository';
    return { services: [], problems: [errorAt(at, message, 'put the folder itself into the repository')] };
  }
  const entries = await files.list('services');
  if (entries.length === 0) {
    return {
      services: [],
      problems: [warningAt(at, 'there are no services', 'add services/NAME/docker-compose.yml')],
    };
  }
  const links = await leavingLinks(files, entries);
  const directories = entries.filter((entry) => entry.directory);
  const inspected = await mapLimited(16, directories, ({ name }) => inspectFolder(files, name));
  return {
    services: inspected.flatMap((folder) => ('name' in folder ? [folder] : [])),
    problems: [...links, ...inspected.flatMap((folder) => ('name' in folder ? [] : folder.problems))],
  };
}

async function leavingLinks(
  files: RepositoryFiles,
  entries: { name: string; directory: boolean }[],
): Promise<Problem[]> {
  const others = entries.filter((entry) => !entry.directory && !/^[._]/.test(entry.name));
  const states = await mapLimited(16, others, async ({ name }) => ({
    name,
    state: await files.state(`services/${name}`),
  }));
  return states
    .filter(({ state }) => state === 'outside')
    .map(({ name }) => {
      const at = { file: `services/${name}`, line: 1, column: 1 };
      return errorAt(
        at,
        `services/${name} is a symbolic link that leaves the repository`,
        'put the folder itself there',
      );
    });
}

async function loadServices(
  options: LoadOptions,
  files: RepositoryFiles,
  lab: LabFile,
  folders: ServiceFolder[],
): Promise<LoadedService[]> {
  const { root, as = root, compose, memo = sharedMemo } = options;
  const hostEnvDir = options.hostEnvDir === undefined ? '/etc/steward/env' : options.hostEnvDir;
  const inputs = labInputs(lab, options, hostEnvDir);
  forgetOthers(
    memo,
    as,
    folders.map(({ name }) => name),
  );
  return mapLimited(options.concurrency ?? 8, folders, async (folder) => {
    const hostEnv = await readHostEnv(hostEnvDir, folder.name);
    return remembered(
      memo,
      { folder, view: { root, as }, lab: inputs, files, compose, hostEnv },
      loadService,
    );
  });
}

function labInputs(
  { lab, ownersKnown }: LabFile,
  options: LoadOptions,
  hostEnvDir: string | null,
): LabInputs {
  return {
    storage: { parent: lab.storage.parent, mountpoint: lab.storage.mountpoint },
    owners: ownersKnown ? lab.owners : null,
    sharedGroup: lab.sharedGroup ?? null,
    domain: lab.domain ?? null,
    subnets: lab.networks.subnets,
    stateDir: options.stateDir ?? '/var/lib/steward',
    hostEnvDir,
  };
}

async function mapLimited<T, R>(
  limit: number,
  items: readonly T[],
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const limited = pLimit(limit);
  return Promise.all(items.map((item) => limited(() => map(item))));
}

function assemble(commit: CommitInfo, lab: LabFile, models: ServiceModel[]): DesiredState {
  const suspended = models.filter((model) => model.suspended).map(({ name }) => name);
  const { name, storage, sharedGroup, networks, limits } = lab.lab;
  return {
    commit,
    labName: name,
    storage: { parent: storage.parent, mountpoint: storage.mountpoint },
    sharedGroup: sharedGroup ?? null,
    networkPool: { cidr: networks.pool, prefix: networks.prefix },
    limits: {
      removalCount: limits.removals.count,
      removalPercent: limits.removals.percent,
      parallel: limits.parallel,
    },
    services: models.map((model) => model.name),
    suspended,
    resources: allResources(lab, models, new Set(suspended)),
    notActedOn: [...labNotActedOn(lab), ...models.flatMap((model) => model.notActedOn)],
    warnings: [],
  };
}

function allResources(
  lab: LabFile,
  models: ServiceModel[],
  suspended: ReadonlySet<string>,
): DesiredResource[] {
  const names = new Set(models.map((model) => model.name));
  const own = models.flatMap((model) =>
    model.resources.map((resource) => withForeignNeeds(resource, model, lab, names)),
  );
  const networks = own.filter((resource): resource is DesiredNetwork => resource.kind === 'docker-network');
  const others = own.filter((resource) => resource.kind !== 'docker-network');
  const all = [...parentDataset(lab).resources, ...mergeNetworks(networks, suspended), ...others];
  return all.sort((a, b) => compareText(a.id, b.id));
}

/** A stack that mounts data of another service needs that dataset too: it must not start on an empty directory. */
function withForeignNeeds(
  resource: DesiredResource,
  model: ServiceModel,
  lab: LabFile,
  names: ReadonlySet<string>,
): DesiredResource {
  if (resource.kind !== 'compose-stack' || model.foreignMounts.length === 0) return resource;
  const { parent, mountpoint } = lab.lab.storage;
  const owners = model.foreignMounts
    .map(({ name }) => ownerOfPath(name, mountpoint))
    .filter((name) => names.has(name));
  const foreign = owners.map((name): ResourceId => `zfs-dataset:${parent}/${name}`);
  return { ...resource, needs: [...new Set([...resource.needs, ...foreign])] };
}

function labNotActedOn({ yaml }: LabFile): DesiredState['notActedOn'] {
  return (['hub', 'backup'] as const).flatMap((part) =>
    yaml.find([part]) ? [{ service: null, part, origin: yaml.atKey([part]) }] : [],
  );
}
