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
  const queue = [...written.composeYaml];
  const seen = new Set(queue.map(({ file }) => file));
  const broken: Broken[] = [];
  for (let yaml = queue.pop(); yaml !== undefined; yaml = queue.pop()) {
    for (const reference of references(yaml.value)) {
      const where = whereItIs(reference, yaml.file, written);
      if ('outside' in where) broken.push(brokenBy(reference, yaml, where.outside));
      else if (reference.isCompose && where.file !== null && !seen.has(where.file)) {
        seen.add(where.file);
        const bytes = written.files.read(where.file)?.bytes;
        if (bytes !== undefined) queue.push(parseYaml(where.file, bytes));
      }
    }
  }
  return broken;
}

function brokenBy({ target, what, at, container }: Reference, yaml: YamlFile, why: string): Broken {
  return { container, origin: yaml.at(at), message: `${what} ${target} ${why}`, text: target };
}

/** `file` is relative to the repository; null for what lies on the host and may be read. */
function whereItIs(
  { target, isCompose, isBuild }: Reference,
  from: string,
  { view, lab, files, name }: Written,
): { outside: string } | { file: string | null } {
  if (isRemote(target)) return isCompose ? { outside: 'is fetched from elsewhere' } : { file: null };
  if (isBuild && /^(service|target|docker-image|oci-layout):/.test(target)) return { file: null };
  if (/(?<!\$)(\$\$)*\$(?!\$)/.test(target)) {
    return { outside: 'is known only once its variables are set, so nobody can tell what would be opened' };
  }
  if (lab.hostEnvDir !== null && target === `${lab.hostEnvDir}/${name}.env`) return { file: null };
  const file = inRepository(target, from, view);
  if (file === null) return { outside: 'is outside of the repository' };
  return files.state(file) === 'outside' ? { outside: 'is a link out of the repository' } : { file };
}

function isRemote(target: string): boolean {
  return /^(https?|git|ssh|oci|git\+ssh):\/\/|^git@|^github\.com\/|\.git(#|$)/.test(target);
}

/** Compose knows `~`, and takes paths from the folder of the file in which they stand. */
function inRepository(target: string, from: string, view: { root: string; as: string }): string | null {
  if (target.startsWith('~')) return null;
  if (!path.posix.isAbsolute(target)) {
    const joined = path.posix.normalize(path.posix.join(path.posix.dirname(from), target));
    return joined === '..' || joined.startsWith('../') ? null : joined;
  }
  const plain = path.posix.normalize(target);
  const root = [view.as, view.root].find((each) => isBelow(plain, each));
  return root === undefined ? null : path.posix.relative(root, plain);
}
