import type { DnsProvider } from '../tools/dns/types.ts';
import type { ResolvedProject, View } from './compose/types.ts';
import type { RepositoryFiles } from './files.ts';
import type { YamlFile } from './locate.ts';
import { errorAt } from './problems.ts';
import type { LabBackup } from './schema/backup.ts';
import type { Severities } from './schema/policy.ts';
import type { ServiceConfig } from './schema/service.ts';
import type { ServiceFolder } from './service-folder.ts';
import type { DesiredResource, Origin, Problem } from './types.ts';

/** What the lab says that a service's resources depend on: part of the key under which they are remembered. */
export interface LabInputs {
  /** Null in a lab of stacks only. */
  storage: { parent: string; mountpoint: string } | null;
  /** Null where lab.yaml could not be read. */
  owners: Record<string, number> | null;
  sharedGroup: string | null;
  domain: string | null;
  /** Null where lab.yaml names none. */
  hub: { service: string; container: string; directives: string[] } | null;
  /** Where names become known, and what they lead to; null where lab.yaml names no server. */
  dns: { provider: DnsProvider; address: string } | null;
  subnets: Record<string, string>;
  /** Defaults of all backups; null where lab.yaml declares none. How many run at a time is no service's business. */
  backup: (Omit<LabBackup, 'concurrency'> & { origin: Origin }) | null;
  /** False where it could not be read whether lab.yaml declares any. */
  backupKnown: boolean;
  stateDir: string;
  hostEnvDir: string | null;
  /** What the rules of the policy weigh here, where it is not what they weigh by themselves. */
  severities: Severities;
}

/** An environment file of a service, with the line of each variable. */
export interface EnvLines {
  /** Relative to the repository's root; null for one on the host, whose lines are nobody's business. */
  file: string | null;
  variables: Map<string, Origin>;
}

/** All that the resources of one service follow from. */
export interface ServiceContext {
  folder: ServiceFolder;
  view: View;
  lab: LabInputs;
  files: RepositoryFiles;
  config: ServiceConfig;
  serviceYaml: YamlFile | null;
  /** As written, in compose's order: for places only. */
  composeYaml: YamlFile[];
  env: EnvLines[];
  /** Absolute paths as the host will see them. */
  envFiles: string[];
  /** Encrypted ones, likewise; they win over `envFiles`. */
  encrypted: string[];
  /** Why encrypted files could not be opened, as a sentence; null where all were, or there are none. */
  locked: string | null;
  project: ResolvedProject;
  /** What kinds before this one in the registry have found. */
  earlier: readonly DesiredResource[];
}

export interface Inferred<R extends DesiredResource> {
  resources: R[];
  problems: Problem[];
  /** Repository files outside the service's folder that went in: path -> digest. */
  outside?: Record<string, string>;
}

/** Where a value of the compose files is written; the later file wins, as it does in compose. */
export function composeOrigin(
  context: ServiceContext,
  path: readonly (string | number)[],
): Origin | undefined {
  for (const yaml of [...context.composeYaml].reverse()) {
    const origin = yaml.find(path);
    if (origin) return origin;
  }
  return undefined;
}

/** The same, of the nearest ancestor that is written anywhere. */
export function nearComposeOrigin(context: ServiceContext, path: readonly (string | number)[]): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = composeOrigin(context, path.slice(0, length));
    if (origin) return origin;
  }
  return stackOrigin(context);
}

export function stackOrigin(context: ServiceContext): Origin {
  const file = `${context.folder.folder}/${context.folder.composeFiles[0] ?? ''}`;
  return { file, line: 1, column: 1 };
}

/** Where a value of service.yaml is written. */
export function yamlOrigin(context: ServiceContext, path: (string | number)[]): Origin {
  return context.serviceYaml?.at(path) ?? stackOrigin(context);
}

/** The service's own dataset and where it is mounted; null in a lab without storage. */
export function serviceStorage(context: ServiceContext): { dataset: string; mountpoint: string } | null {
  const { storage } = context.lab;
  const { name } = context.folder;
  if (storage === null) return null;
  return { dataset: `${storage.parent}/${name}`, mountpoint: `${storage.mountpoint}/${name}` };
}

/** For a part of service.yaml that means nothing in a lab without storage. */
export function withoutStorage(
  context: ServiceContext,
  part: 'dataset' | 'directories' | 'backup',
): Problem[] {
  const { serviceYaml } = context;
  if (serviceYaml === null || !serviceYaml.find([part])) return [];
  const message = `lab.yaml names no storage, so there is no dataset for ${context.folder.name}`;
  const fix = `add storage to lab.yaml, or remove ${part}`;
  return [errorAt(serviceYaml.atKey([part]), message, fix, part)];
}
