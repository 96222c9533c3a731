import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isBelow } from '../files.ts';
import { parseYaml, type YamlFile } from '../locate.ts';
import { parseEnvFile } from './env-file.ts';
import { Complaint } from './model.ts';
import type { ComposeRequest } from './types.ts';

/** A compose file of a request, as text and with places. */
export interface ComposeSource {
  /** Absolute, as it can be read now. */
  path: string;
  /** Null where it cannot be read. */
  bytes: Uint8Array | null;
  text: string;
  yaml: YamlFile;
}

/** The request's compose files in order; files of places are relative to the view's root. */
export function readSources(request: ComposeRequest): Promise<ComposeSource[]> {
  return Promise.all(request.files.map((file) => readSource(request, file)));
}

async function readSource(request: ComposeRequest, name: string): Promise<ComposeSource> {
  const file = path.join(request.view.root, request.folder, name);
  const bytes = await readFile(file).catch(() => null);
  const yaml = parseYaml(path.posix.join(request.folder, name), bytes ?? new Uint8Array());
  return { path: file, bytes, text: Buffer.from(bytes ?? []).toString('utf8'), yaml };
}

/**
 * Values of environment files, which must not show in a message. Short ones of what is plain in the repository stay: they
 * would blot out half of it, and who may read it may read them.
 */
export async function secretValues(
  request: Pick<ComposeRequest, 'envFiles' | 'view'> & { last?: string[] },
): Promise<string[]> {
  const read = (file: string) => readFile(file, 'utf8').catch(() => '');
  const [inGit, onHost] = partition(request.envFiles, (file) => isBelow(file, request.view.root));
  const [plain, others] = await Promise.all([inGit, onHost].map((files) => Promise.all(files.map(read))));
  const secret = [...(others ?? []), ...(request.last ?? [])].flatMap(environmentValues);
  return [...secret, ...(plain ?? []).flatMap(environmentValues).filter(({ length }) => length >= 4)];
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Letters of a value that is in no other text by chance: `postgres` may be one, and part of the name of an image. */
export const longEnough = 12;

/** The values of an environment file, both as compose reads them and as they are written. */
export function environmentValues(text: string): string[] {
  const written = text.split('\n').flatMap(writtenValue);
  try {
    const values = parseEnvFile(text, { get: () => undefined, unset: new Set() });
    return [...new Set([...written, ...values.values()])];
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    return written;
  }
}

/** What stands behind the `=`, without a quote at either end. By hand: a pattern would try again at each blank. */
function writtenValue(line: string): string[] {
  const equals = line.indexOf('=');
  if (equals < 1 || line.slice(0, equals).includes('#')) return [];
  return [
    line
      .slice(equals + 1)
      .trim()
      .replace(/^["']/, '')
      .replace(/["']$/, ''),
  ];
}
