import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { digest } from '../tools/digest.ts';
import { encryptedNames, holdsSops } from '../tools/secrets/format.ts';
import type { Entry, RepositoryFiles } from './files.ts';
import { errorAt, warningAt } from './problems.ts';
import { drillPrefix, serviceNamePattern } from './schema/names.ts';
import type { Problem } from './types.ts';

/** The order in which compose itself looks; the first one wins. */
const composeNames = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
const overrideNames = [
  'compose.override.yaml',
  'compose.override.yml',
  'docker-compose.override.yaml',
  'docker-compose.override.yml',
];

/** One folder below services/ that is a service. */
export interface ServiceFolder {
  name: string;
  /** Relative to the root of the repository. */
  folder: string;
  /** Relative to `folder`, in compose's order. */
  composeFiles: string[];
  /** Relative to the root; empty where there is none. */
  serviceFile: string | null;
  hasEnv: boolean;
  /** Names of encrypted environment files, the later winning. */
  encrypted: string[];
  /** Names of other encrypted files, which are not read. */
  unread: string[];
  problems: Problem[];
}

/** A folder that is no service: what to say about it. */
export interface NoService {
  problems: Problem[];
}

/**
 * Looks at one folder below services/. Folders that start with `.` or `_` hold what services share and are
 * passed over in silence. A folder with a service.yaml but no compose file is an error; one with neither is a
 * warning, because it is more often a misspelt compose file than something shared.
 */
export async function inspectFolder(
  files: RepositoryFiles,
  name: string,
  known?: Entry[],
): Promise<ServiceFolder | NoService> {
  const folder = `services/${name}`;
  if (/^[._]/.test(name)) return { problems: [] };
  const entries = (known ?? files.list(folder)).filter((entry) => !entry.directory);
  const names = new Set(entries.map((entry) => entry.name));
  const compose = composeNames.filter((file) => names.has(file));
  if (compose[0] === undefined) return { problems: [noCompose(folder, names)] };
  if (!serviceNamePattern.test(name)) return { problems: [badName(folder, compose[0], name)] };
  const isSops = names.has('.env') && holdsSops(files.read(`${folder}/.env`)?.bytes);
  const override = overrideNames.find((file) => names.has(file));
  return {
    name,
    folder,
    composeFiles: [compose[0], ...(override === undefined ? [] : [override])],
    serviceFile: names.has('service.yaml') ? `${folder}/service.yaml` : null,
    hasEnv: names.has('.env') && !isSops,
    encrypted: encryptedNames.filter((file) => names.has(file) && (file !== '.env' || isSops)),
    unread: [...names].filter(isUnread).sort(),
    problems: folderProblems(folder, names, compose),
  };
}

/** `.sops.yaml` tells the program SOPS how to encrypt, and holds no secret. */
function isUnread(name: string): boolean {
  if (name === '.sops.yaml' || (encryptedNames as readonly string[]).includes(name)) return false;
  return /\.(age|sops)$|\.(sops|enc)\.(ya?ml|json|env)$|^\.env\.enc$/.test(name);
}

function noCompose(folder: string, names: Set<string>): Problem {
  const at = { file: folder, line: 1, column: 1 };
  const alike = [...names].find((name) => /compose/i.test(name));
  const rename = alike === undefined ? undefined : `rename ${alike} to docker-compose.yml`;
  if (names.has('service.yaml')) {
    return errorAt(
      at,
      'the service has a service.yaml but no compose file',
      rename ?? 'add a docker-compose.yml',
    );
  }
  const fix = rename ?? `add a docker-compose.yml, or start the name with _ if services share this folder`;
  return warningAt(at, 'the folder holds no compose file, so it is no service', fix);
}

function badName(folder: string, compose: string, name: string): Problem {
  if (name.startsWith(drillPrefix)) {
    const message = `"${name}" cannot name a service: what is called ${drillPrefix}… belongs to restore drills, and goes with them`;
    return errorAt({ file: `${folder}/${compose}`, line: 1, column: 1 }, message, 'rename the folder', name);
  }
  const good = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '_')
    .replace(/^[_-]+/, '')
    .slice(0, 63);
  const message = `"${name}" cannot name a service: only lower-case letters, digits, _ and -, at most 63`;
  const fix = good === '' ? 'rename the folder' : `rename the folder to ${good}`;
  return errorAt({ file: `${folder}/${compose}`, line: 1, column: 1 }, message, fix, name);
}

function folderProblems(folder: string, names: Set<string>, compose: string[]): Problem[] {
  const at = (file: string) => ({ file: `${folder}/${file}`, line: 1, column: 1 });
  const problems: Problem[] = [];
  if (names.has('service.yml')) {
    problems.push(errorAt(at('service.yml'), 'service.yml is not read', 'rename it to service.yaml'));
  }
  for (const extra of compose.slice(1)) {
    problems.push(warningAt(at(extra), `${extra} is not read beside ${compose[0]}`, 'keep one of the two'));
  }
  return problems;
}

export interface HostEnv {
  /** Absolute. */
  file: string;
  bytes: Uint8Array;
  digest: string;
}

/** `NAME.env` of the host; null where there is none. Throws where it is there and cannot be read. */
export async function readHostEnv(hostEnvDir: string | null, service: string): Promise<HostEnv | null> {
  if (hostEnvDir === null) return null;
  const file = path.join(hostEnvDir, `${service}.env`);
  try {
    const bytes = await readFile(file);
    return { file, bytes, digest: digest(bytes) };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
