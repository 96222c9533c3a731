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

interface Reached {
  yaml: YamlFile;
  /** What its relative paths start from. */
  folder: string;
}

/** The compose files of the service and those of the repository that they include or extend, and so on. */
export function reachedFiles(written: Written): Reached[] {
  const queue = written.composeYaml.map((yaml): Reached => ({ yaml, folder: path.posix.dirname(yaml.file) }));
  const reached = new Map<string, Reached>();
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const key = `${next.yaml.file} ${next.folder}`;
    if (reached.has(key)) continue;
    reached.set(key, next);
    for (const reference of references(next.yaml.value).filter(({ isCompose }) => isCompose))
      queue.push(...named(reference, next.folder, written));
  }
  return [...reached.values()];
}

function named(reference: Reference, folder: string, written: Written): Reached[] {
  if (reference.isOdd) return [];
  const where = whereItIs(reference, folder, written);
  if ('outside' in where || where.file === null) return [];
  const bytes = written.files.read(where.file)?.bytes;
  if (bytes === undefined) return [];
  const from = reference.folder === undefined ? null : inRepository(reference.folder, folder, written.view);
  return [{ yaml: parseYaml(where.file, bytes), folder: from ?? path.posix.dirname(where.file) }];
}

/**
 * Files outside of the repository that compose would open: it runs as root, and what it cannot read it prints. Looked
 * at as written, before compose sees anything, also in files that these include or extend.
 */
export function outsideFiles(written: Written): Broken[] {
  return reachedFiles(written).flatMap(({ yaml, folder }) => [
    ...unreadable(yaml),
    ...references(yaml.value).flatMap((reference) => {
      const why = whyNot(reference, folder, written);
      return why === null ? [] : [brokenBy(reference, yaml, why)];
    }),
  ]);
}

/** Null for what compose may open. */
function whyNot(reference: Reference, folder: string, written: Written): string | null {
  if (reference.isOdd) return 'is no text, so nobody can tell what would be opened';
  const where = whereItIs(reference, folder, written);
  if ('outside' in where) return where.outside;
  return reference.isCompose && where.file !== null ? notRead(where.file, written.files) : null;
}

/** Compose has no bounds of this kind: it would follow what nobody here has looked at. */
function notRead(file: string, files: RepositoryFiles): string | null {
  const state = files.state(file);
  // One that is not there compose misses itself.
  if (state === 'absent') return null;
  if (state !== 'file') return 'is no plain file, so nobody can tell what compose would open for it';
  if (files.read(file) !== null) return null;
  return 'is larger than 16 MiB, so nobody can tell what compose would open for it';
}

/** What Steward cannot read compose may, and nobody has looked at what it would open. */
function unreadable({ file, value, problems, at }: YamlFile): Broken[] {
  const fault = problems.find(({ severity }) => severity === 'error');
  if (fault === undefined && value !== undefined) return [];
  const origin = fault === undefined ? at([]) : { file, line: fault.line, column: fault.column };
  const why = fault?.message ?? 'it is not YAML';
  const message = `what compose would open for it cannot be told: ${why}`;
  const fix = fault?.fix === undefined ? {} : { fix: fault.fix };
  return [{ container: null, origin, message, text: file, ...fix }];
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
  if (isCompose && isRemote(target)) return { outside: 'is fetched from elsewhere' };
  if (isBuild && isOfServer(target)) return { outside: 'is outside of the repository' };
  const isElsewhere = isBuild && noPath.test(target);
  if (!isElsewhere && /(?<!\$)(\$\$)*\$(?!\$)/.test(target)) {
    return { outside: 'is known only once its variables are set, so nobody can tell what would be opened' };
  }
  if (lab.hostEnvDir !== null && target === `${lab.hostEnvDir}/${name}.env`) return { file: null };
  const file = inRepository(target, folder, view);
  if (file === null) return { outside: 'is outside of the repository' };
  return files.state(file) === 'outside' ? { outside: 'is a link out of the repository' } : { file };
}

/**
 * What compose never takes for a path of what is built (absContextPath of compose-go): no more than that. All the same it
 * must not lead out of the repository if it were one.
 */
const noPath = /^(https?|git|ssh|docker-image):\/\/|^github\.com\/|^git@|^service:/;

/** A folder of the server after all, which the builder takes from where compose runs. */
export function isOfServer(context: string): boolean {
  return /^oci-layout:/i.test(context);
}

/** Compose knows schemes in any case, `user@host:path` as ssh does, and GitHub by its name; more is refused than is one. */
function isRemote(target: string): boolean {
  return /^[\w.+-]+:|^[^/]*@[^/]*:|^github\.com\//i.test(target);
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
