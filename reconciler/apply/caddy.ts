import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import PQueue from 'p-queue';
import { type AdminOptions, CaddyRefused, caddySentence, load } from '../../tools/caddy/admin.ts';
import { composeCaddyfile } from '../../tools/caddy/compose.ts';
import type { CaddyLoad } from '../types.ts';
import { StepError } from './types.ts';

/** One after the other: each builds on the snippets that the one before has written. */
const queue = new PQueue({ concurrency: 1 });

/**
 * The hub runs with this snippet in the place of the one before; only then is it written. Caddy that refuses it goes on
 * with what it had, and so does the folder.
 */
export async function loadSnippet(step: CaddyLoad, options: Omit<AdminOptions, 'socket'>): Promise<void> {
  await queue.add(async () => {
    const { socket, folder, caddyfile, line, name, snippet } = step;
    const there = await readSnippets(folder);
    const wanted = snippet === null ? there : there.set(name, snippet);
    const inOrder = [...wanted.keys()].sort().map((key) => wanted.get(key) ?? '');
    await load(composeCaddyfile(caddyfile, line, inOrder), { ...options, socket }).catch((error: unknown) => {
      const words =
        error instanceof CaddyRefused ? `Caddy refuses it: ${error.message}` : caddySentence(error);
      throw new StepError(`the routes of ${name} were not loaded: ${words}`, { cause: error });
    });
    if (snippet !== null) await keep(path.join(folder, `${name}.caddy`), snippet, name);
  });
}

/** The folder is never made here: where it is not there, its dataset may not be mounted. */
async function readSnippets(folder: string): Promise<Map<string, string>> {
  const all = await readdir(folder).catch((cause: Error) => {
    throw new StepError(`${folder} cannot be read, so no route was loaded: ${cause.message}`, { cause });
  });
  const names = all.filter((name) => name.endsWith('.caddy'));
  const read = names.map(async (name) => {
    return [path.basename(name, '.caddy'), await readFile(path.join(folder, name), 'utf8')] as const;
  });
  return new Map(await Promise.all(read));
}

/** At once or not at all: a hub that starts in this moment reads it. */
async function keep(file: string, text: string, name: string): Promise<void> {
  const beside = `${file}.new`;
  try {
    if (text === '') return await rm(file, { force: true });
    await writeFile(beside, text, { mode: 0o644, flush: true });
    await rename(beside, file);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    const why = `the hub runs with the routes of ${name}, and they could not be kept for its next start`;
    throw new StepError(`${why}: ${(cause as Error).message}`, { cause });
  }
}
