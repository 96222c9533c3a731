import path from 'node:path';
import { digestValue } from '../tools/digest.ts';
import { isBelow, type RepositoryFiles, treeDigest } from './files.ts';
import type { LoadedService, ServiceInputs } from './service.ts';

interface Remembered {
  key: string;
  outside: Record<string, string>;
  loaded: LoadedService;
}

/** Services as they were last read. One for the life of a process; the loop hands the same one to every load. */
export interface LoadMemo {
  services: Map<string, Remembered>;
}

export function createLoadMemo(): LoadMemo {
  return { services: new Map() };
}

/**
 * Gives back what was made from the same bytes, or makes it. All that goes in is in the key: the files of the
 * service's folder, what they refer to outside of it, the host's environment file, and the lab's inputs.
 */
export async function remembered(
  memo: LoadMemo,
  inputs: ServiceInputs,
  load: (inputs: ServiceInputs) => Promise<LoadedService>,
): Promise<LoadedService> {
  const name = `${inputs.view.as}\0${inputs.folder.name}`;
  const key = await contentKey(inputs);
  const known = memo.services.get(name);
  if (known && known.key === key && (await isCurrent(inputs.files, known.outside))) return known.loaded;
  const loaded = await load({ ...inputs, hashesEarly: known !== undefined && !hasLabels(known.loaded) });
  const { model, outside } = loaded;
  // What failed is read again: the failure may have been the tool's.
  if (key === null || model === null) memo.services.delete(name);
  else memo.services.set(name, { key, outside, loaded });
  return loaded;
}

function hasLabels({ model }: LoadedService): boolean {
  return model?.resources.some((item) => item.kind === 'compose-stack' && item.override !== null) ?? true;
}

/** Forgets services that are gone. */
export function forgetOthers(memo: LoadMemo, as: string, present: readonly string[]): void {
  const keep = new Set(present.map((name) => `${as}\0${name}`));
  for (const name of memo.services.keys()) {
    if (name.startsWith(`${as}\0`) && !keep.has(name)) memo.services.delete(name);
  }
}

async function isCurrent(files: RepositoryFiles, outside: Record<string, string>): Promise<boolean> {
  for (const [file, digest] of Object.entries(outside)) {
    if (files.read(file)?.digest !== digest) return false;
  }
  return true;
}

/** Null where the content cannot be told for sure: the service is then read every time. */
async function contentKey(inputs: ServiceInputs): Promise<string | null> {
  const { folder, files, view, lab, compose, hostEnv, tree } = inputs;
  if (!tree.ok) return null;
  const references = await outsideReferences(files, folder.folder, Object.keys(tree.files));
  if (references === null) return null;
  return digestValue({
    tree: tree.files,
    references,
    lab,
    as: view.as,
    reader: compose.name,
    hostEnv: hostEnv && { file: hostEnv.file, digest: hostEnv.digest },
    ...(folder.encrypted.length === 0 ? {} : { secrets: inputs.secrets.state() }),
  });
}

/** `env_file: /etc/x.env` or `include: ${DIR}/x.yml`: not knowable without compose. */
const readBlock = /^([ \t]*)(?:- )?(?:env_file|include|extends|label_file):(.*(?:\n(?:\1[ \t]+|\1- ).*)*)/gm;

/** Digests of what the folder's text files name outside of it; null where that cannot be told. */
async function outsideReferences(
  files: RepositoryFiles,
  folder: string,
  own: string[],
): Promise<Record<string, string> | null> {
  const found: Record<string, string> = {};
  const queue = own.filter(isConfiguration);
  const visited = new Set(queue);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const text = new TextDecoder().decode(files.read(file)?.bytes ?? new Uint8Array());
    for (const [, , block] of text.matchAll(readBlock)) {
      if (/\$|(^|[\s"'[=-])\/\w/m.test(block ?? '')) return null;
    }
    for (const target of targets(text, [folder, path.posix.dirname(file)])) {
      if (target.includes('$')) return null;
      if (isBelow(target, folder) || target in found) continue;
      const digest = await digestOf(files, target);
      if (digest === null) return null;
      found[target] = digest;
      if (isConfiguration(target) && !visited.has(target)) queue.push(target);
      visited.add(target);
    }
  }
  return found;
}

function isConfiguration(file: string): boolean {
  return /\.(ya?ml|env)$|(^|\/)\.env[^/]*$/.test(file);
}

/** Of `KEY=../x` the path. Word by word: one expression over a line of a megabyte would take hours. */
function climbing(word: string): string[] {
  const up = word.indexOf('../');
  return up < 0 ? [] : [word.slice(word.lastIndexOf('=', up) + 1)];
}

function targets(text: string, bases: string[]): string[] {
  const tokens = text.split(/[\s"'[\]{},:]+/).flatMap(climbing);
  const all = tokens.flatMap((token) =>
    bases.map((base) => path.posix.normalize(path.posix.join(base, token))),
  );
  return [...new Set(all)];
}

async function digestOf(files: RepositoryFiles, target: string): Promise<string | null> {
  const state = files.state(target);
  if (state === 'file') return files.read(target)?.digest ?? null;
  if (state === 'directory') return treeDigest(files.tree(target));
  return state;
}
