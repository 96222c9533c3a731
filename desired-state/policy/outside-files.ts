import path from 'node:path';
import type { LabInputs } from '../context.ts';
import { isBelow, type RepositoryFiles } from '../files.ts';
import { parseYaml, type YamlFile } from '../locate.ts';
import { type Reference, references } from './references.ts';
import type { Broken } from './types.ts';

export interface Written {
  name: string;
  view: { root: string; as: string };
  lab: Pick<LabInputs, 'hostEnvDir'>;
  files: RepositoryFiles;
  /** The compose files of the service, as written. */
  composeYaml: readonly YamlFile[];
}

/**
 * Files outside of the repository that compose would open: it runs as root, and what it cannot read it prints. Looked
 * at as written, before compose sees anything, also in files that these include or extend.
 */
export function outsideFiles(written: Written): Broken[] {
  const queue = written.composeYaml.map((yaml) => ({ yaml, folder: path.posix.dirname(yaml.file) }));
  const seen = new Set<string>();
  const broken: Broken[] = [];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { yaml, folder } = next;
    if (seen.has(`${yaml.file} ${folder}`)) continue;
    seen.add(`${yaml.file} ${folder}`);
    broken.push(...unreadable(yaml));
    for (const reference of references(yaml.value)) {
      const where = whereItIs(reference, folder, written);
      if ('outside' in where) broken.push(brokenBy(reference, yaml, where.outside));
      else if (reference.isCompose && where.file !== null) {
        const bytes = written.files.read(where.file)?.bytes;
        const from =
          reference.folder === undefined ? null : inRepository(reference.folder, folder, written.view);
        if (bytes !== undefined)
          queue.push({ yaml: parseYaml(where.file, bytes), folder: from ?? path.posix.dirname(where.file) });
      }
    }
  }
  return broken;
}

/** What Steward cannot read compose may, and nobody has looked at what it would open. */
function unreadable({ file, value, problems, at }: YamlFile): Broken[] {
  const fault = problems.find(({ severity }) => severity === 'error');
  if (fault === undefined && value !== undefined) return [];
  const origin = fault === undefined ? at([]) : { file, line: fault.line, column: fault.column };
  const why = fault?.message ?? 'it is not YAML';
  return [
    {
      container: null,
      origin,
      message: `what compose would open for it cannot be told: ${why}`,
      text: file,
    },
  ];
}

function brokenBy({ target, what, at, container }: Reference, yaml: YamlFile, why: string): Broken {
  return { container, origin: yaml.at(at), message: `${what} ${target} ${why}`, text: target };
}

/** `file` is relative to the repository; null for what lies on the host and may be read. */
function whereItIs(
  { target, isCompose, isBuild }: Reference,
  folder: string,
  { view, lab, files, name }: Written,
): { outside: string } | { file: string | null } {
  if (isRemote(target) && (isCompose || isBuild))
    return isCompose ? { outside: 'is fetched from elsewhere' } : { file: null };
  if (isBuild && /^(service|target|docker-image|oci-layout):/.test(target)) return { file: null };
  if (/(?<!\$)(\$\$)*\$(?!\$)/.test(target)) {
    return { outside: 'is known only once its variables are set, so nobody can tell what would be opened' };
  }
  if (lab.hostEnvDir !== null && target === `${lab.hostEnvDir}/${name}.env`) return { file: null };
  const file = inRepository(target, folder, view);
  if (file === null) return { outside: 'is outside of the repository' };
  return files.state(file) === 'outside' ? { outside: 'is a link out of the repository' } : { file };
}

function isRemote(target: string): boolean {
  return /^(https?|git|ssh|oci|git\+ssh):\/\/|^git@|^github\.com\//.test(target);
}

/** Compose knows `~`, and takes paths from the folder of the file in which they stand. */
function inRepository(target: string, folder: string, view: { root: string; as: string }): string | null {
  if (target.startsWith('~')) return null;
  if (!path.posix.isAbsolute(target)) {
    const joined = path.posix.normalize(path.posix.join(folder, target));
    return joined === '..' || joined.startsWith('../') ? null : joined;
  }
  const plain = path.posix.normalize(target);
  const root = [view.as, view.root].find((each) => isBelow(plain, each));
  return root === undefined ? null : path.posix.relative(root, plain);
}
