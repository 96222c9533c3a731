import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { composeEnvironment } from '../../tools/compose.ts';
import { digest, digestValue } from '../../tools/digest.ts';
import { composeArguments, readableAt, seenAs } from './command.ts';
import type { ComposeRequest } from './types.ts';

/** Beyond these a folder is not digested whole, and the result not remembered. */
const maxFiles = 2_000;
const maxBytes = 32 * 1024 * 1024;
export const maxReferences = 200;

/**
 * Digest of all that compose may read for this request; null where that cannot be known (remote, too large). It is the
 * same for a staged commit as for the checkout that this commit becomes.
 */
export async function inputKey(request: ComposeRequest, version: string): Promise<string | null> {
  const { collector, folder } = await collected(request);
  const { files } = collector;
  // Of encrypted ones, the digest of what is in Git: nothing that is kept follows from what is in them.
  for (const file of [...request.envFiles, ...(request.encrypted ?? [])])
    files.set(file, (await read(file))?.digest ?? null);
  if (collector.remote || files.size > maxReferences) return null;
  const whole = collector.doubtful ? await folderDigest(folder) : '';
  if (whole === null) return null;
  return digestValue({
    version,
    whole,
    files: Object.fromEntries([...files].map(([file, digest]) => [seenAs(request.view, file), digest])),
    arguments: composeArguments(request),
    environment: composeEnvironment(),
    labels: request.extraLabels,
    ...(request.encrypted === undefined
      ? {}
      : { encrypted: request.encrypted.map((file) => seenAs(request.view, file)) }),
    ...(request.standIns === true ? { standIns: true } : {}),
  });
}

/** Compose files that compose reads for a request, and files of variables besides the request's own. */
export async function filesRead(request: ComposeRequest): Promise<{ compose: string[]; texts: string[] }> {
  const { files, texts } = (await collected(request)).collector;
  return { compose: [...files.keys()].filter((file) => !texts.has(file)), texts: [...texts] };
}

async function collected(request: ComposeRequest): Promise<{ collector: Collector; folder: string }> {
  const folder = path.join(request.view.root, request.folder);
  const collector: Collector = {
    ...{ request, folder, doubtful: false, remote: false },
    files: new Map<string, string | null>(),
    texts: new Set<string>(),
  };
  for (const file of request.files) await collect(collector, path.join(folder, file), folder);
  return { collector, folder };
}

interface Collector {
  request: ComposeRequest;
  folder: string;
  files: Map<string, string | null>;
  /** Those of them that hold variables or labels, and are no compose files. */
  texts: Set<string>;
  /** A reference holds a variable: which file it names is known to compose only. */
  doubtful: boolean;
  remote: boolean;
}

async function collect(collector: Collector, file: string, base: string): Promise<void> {
  if (collector.files.has(file) || collector.files.size > maxReferences) return;
  const content = await read(file);
  collector.files.set(file, content?.digest ?? null);
  if (content === null) return;
  for (const reference of references(content.text)) await follow(collector, reference, base, file);
}

async function follow(collector: Collector, found: Reference, base: string, from: string): Promise<void> {
  if (found.target.includes('$') || found.target.startsWith('~')) {
    collector.doubtful = true;
    // What a variable may name outside of the folder is not covered by the folder's digest.
    if (found.target.includes('..') || !/^[\w./-]/.test(found.target)) collector.remote = true;
    return;
  }
  if (/^[\w+.-]+:|^git@|\.git(#|$)/.test(found.target)) {
    collector.remote = true;
    return;
  }
  const target = readableAt(collector.request.view, path.resolve(base, found.target));
  if (found.kind === 'text') return text(collector, target);
  const directory = path.dirname(target);
  if (directory !== path.dirname(from)) await text(collector, path.join(directory, '.env'));
  await collect(collector, target, directory);
}

async function text({ files, texts }: Collector, file: string): Promise<void> {
  texts.add(file);
  files.set(file, (await read(file))?.digest ?? null);
}

interface Reference {
  kind: 'compose' | 'text';
  target: string;
}

/** Files that a compose file names and compose reads: include, extends, env_file, label_file. */
function references(text: string): Reference[] {
  // Most files name none, and parsing is dear. An escape could spell any of the words.
  if (!/include|extends|env_file|label_file|\\/.test(text)) return [];
  const found: Reference[] = [];
  for (const document of parseAllDocuments(text, { logLevel: 'silent', merge: true, uniqueKeys: false })) {
    try {
      visit(document.toJS({ maxAliasCount: 100 }), '', found);
    } catch {
      // Compose will refuse it, and refusals are not remembered.
    }
  }
  return found;
}

const textKeys = ['env_file', 'label_file'];

function visit(value: unknown, key: string, found: Reference[], inside = false): void {
  if (typeof value === 'string') {
    if (textKeys.includes(key)) found.push({ kind: 'text', target: value });
    else if (inside && key === 'project_directory') found.push({ kind: 'text', target: `${value}/.env` });
    else if (key === 'include' || (inside && (key === 'file' || key === 'path')))
      found.push({ kind: 'compose', target: value });
    return;
  }
  if (Array.isArray(value)) for (const item of value) visit(item, key, found, inside);
  else if (typeof value === 'object' && value !== null) visitFields(value, key, found, inside);
}

function visitFields(value: object, key: string, found: Reference[], inside: boolean): void {
  const text = textKeys.includes(key);
  const compose = inside || key === 'include' || key === 'extends';
  for (const [field, item] of Object.entries(value)) {
    visit(item, text && field === 'path' ? key : field, found, compose);
  }
}

async function read(file: string): Promise<{ text: string; digest: string } | null> {
  try {
    const bytes = await readFile(file);
    return { text: bytes.toString('utf8'), digest: digest(bytes) };
  } catch {
    return null;
  }
}

async function folderDigest(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  if (entries.length > maxFiles) return null;
  const digests: Record<string, string | null> = {};
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const size = await stat(file).then(
      (found) => (found.isFile() ? found.size : 0),
      () => 0,
    );
    bytes += size;
    if (bytes > maxBytes) return null;
    digests[path.relative(folder, file)] = (await read(file))?.digest ?? null;
  }
  return digestValue(digests);
}
