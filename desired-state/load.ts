import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';
import { closedBox, type SecretBox } from '../tools/secrets/box.ts';
import { assemble } from './assemble.ts';
import { checkPool, checkServices, checkUnique } from './check.ts';
import type { ComposeReader } from './compose/types.ts';
import type { LabInputs } from './context.ts';
import { providerOf } from './dns.ts';
import { type RepositoryFiles, repositoryFiles } from './files.ts';
import { readFolders } from './folders.ts';
import { type LabFile, readLab, storageOf } from './lab.ts';
import { mapLimited } from './limited.ts';
import { createLoadMemo, forgetOthers, type LoadMemo, remembered } from './memo.ts';
import { judge } from './policy/judge.ts';
import { loweredRules } from './policy/lowered.ts';
import { sortProblems } from './problems.ts';
import { inferLab } from './resources/index.ts';
import { type LoadedService, loadService } from './service.ts';
import { readHostEnv, type ServiceFolder } from './service-folder.ts';
import type { CommitInfo, LoadResult } from './types.ts';

export { learnConfigHashes, withConfigHashes } from './resources/compose-stack.ts';

export interface LoadOptions {
  /** Where the files of the commit (lab.yaml, services/) can be read now. */
  root: string;
  /** The stable path that they will have; default `root`. */
  as?: string;
  commit: CommitInfo;
  compose: ComposeReader;
  /** Where NAME.env of each service is; null for none. Default /etc/steward/env. */
  hostEnvDir?: string | null;
  /** Opens encrypted environment files. Default: nothing is opened, and the stacks that need them wait. */
  secrets?: SecretBox;
  /** Generated overrides go to <stateDir>/overrides. Default /var/lib/steward. */
  stateDir?: string;
  /** What earlier loads of this process learnt. Default: one that all loads share. */
  memo?: LoadMemo;
  /** Services read side by side. Default: two for each processor, at most 8. */
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
  const judged = judge(models, severitiesOf(lab), lab.lab.hub?.service ?? null);
  const problems = sortProblems([
    ...lab.problems,
    ...folders.problems,
    ...loaded.flatMap((service) => service.problems),
    ...checkServices(
      models,
      folders.services.map(({ name }) => name),
      lab,
    ),
    ...judged.problems,
    ...checkPool(state.resources, lab),
    ...checkUnique(state.resources),
    ...inferLab(lab).problems,
  ]);
  if (problems.some(({ severity }) => severity === 'error')) return { ok: false, problems };
  const { findings, exceptions, ifLate } = judged;
  const lowered = loweredRules(lab);
  const policy = {
    findings,
    exceptions,
    ...(lowered.length === 0 ? {} : { lowered }),
    ...(ifLate.length === 0 ? {} : { ifLate }),
  };
  return { ok: true, state: { ...state, warnings: problems, policy } };
}

/** Where what lab.yaml says of them could not be read, nobody knows which data is in a backup. */
function severitiesOf({ lab, storageKnown, backupKnown }: LabFile): LabFile['lab']['policy']['rules'] {
  const isKnown = storageKnown && backupKnown;
  return isKnown ? lab.policy.rules : { ...lab.policy.rules, 'backup-coverage': 'off' };
}

async function loadServices(
  options: LoadOptions,
  files: RepositoryFiles,
  lab: LabFile,
  folders: ServiceFolder[],
): Promise<LoadedService[]> {
  const { root, as = root, compose, memo = sharedMemo, secrets = closedBox } = options;
  const hostEnvDir = options.hostEnvDir === undefined ? '/etc/steward/env' : options.hostEnvDir;
  const inputs = labInputs(lab, options, hostEnvDir);
  forgetOthers(
    memo,
    as,
    folders.map(({ name }) => name),
  );
  return mapLimited(options.concurrency ?? defaultConcurrency(), folders, async (folder) => {
    // Reading is synchronous: metrics and signals get their turn between two services.
    await setImmediate();
    const hostEnv = await readHostEnv(hostEnvDir, folder.name);
    const tree = files.tree(folder.folder);
    const service = { folder, view: { root, as }, lab: inputs, files, compose, secrets, hostEnv, tree };
    return remembered(memo, service, loadService);
  });
}

/** Each waits for a compose that keeps one processor busy; more of them at once only come near its time limit. */
function defaultConcurrency(): number {
  return Math.min(8, 2 * availableParallelism());
}

function backupInputs(backup: LabFile['lab']['backup'], yaml: LabFile['yaml']): LabInputs['backup'] {
  if (backup === undefined) return null;
  const { concurrency: _concurrency, ...rest } = backup;
  return { ...rest, origin: yaml.at(['backup', 'repository']) };
}

function dnsOf({ dns, hub }: LabFile['lab']): LabInputs['dns'] {
  return dns === undefined || hub === undefined
    ? null
    : { provider: providerOf(dns), address: ipaddr.parse(hub.address).toString() };
}

function hubInputs({ service, container, directives }: NonNullable<LabFile['lab']['hub']>) {
  return { service, container, directives };
}

function labInputs(
  { lab, yaml, ownersKnown, backupKnown }: LabFile,
  options: LoadOptions,
  hostEnvDir: string | null,
): LabInputs {
  return {
    storage: storageOf(lab),
    owners: ownersKnown ? lab.owners : null,
    sharedGroup: lab.sharedGroup ?? null,
    domain: lab.domain ?? null,
    hub: lab.hub === undefined ? null : hubInputs(lab.hub),
    dns: dnsOf(lab),
    subnets: lab.networks.subnets,
    backup: backupInputs(lab.backup, yaml),
    backupKnown,
    stateDir: options.stateDir ?? '/var/lib/steward',
    hostEnvDir,
    severities: lab.policy.rules,
  };
}
