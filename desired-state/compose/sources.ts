import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseYaml, type YamlFile } from '../locate.ts';
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

/** Values of environment files, which must not show in a message. Short ones would blot out half of it. */
export async function secretValues(request: ComposeRequest): Promise<string[]> {
  const texts = await Promise.all(request.envFiles.map((file) => readFile(file, 'utf8').catch(() => '')));
  const values = texts.flatMap((text) => [...text.matchAll(/^[^#=\n]+=\s*["']?(.*?)["']?\s*$/gm)]);
  return values.map((match) => match[1] ?? '').filter((value) => value.length >= 4);
}
