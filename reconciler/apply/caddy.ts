import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import PQueue from 'p-queue';
import { type AdminOptions, adapt, CaddyRefused, caddySentence, load } from '../../tools/caddy/admin.ts';
import { outOfBounds } from '../../tools/caddy/bounds.ts';
import { composeCaddyfile, inHubOrder, inItsFile } from '../../tools/caddy/compose.ts';
import type { CaddyLoad } from '../types.ts';
import { StepError } from './types.ts';

interface Waiting {
  step: CaddyLoad;
  options: Options;
  done: PromiseWithResolvers<void>;
}

type Options = Omit<AdminOptions, 'socket'>;

/** One load after the other: each builds on the snippets that the one before has written. */
const queue = new PQueue({ concurrency: 1 });
const waiting: Waiting[] = [];

/**
 * The hub runs with this snippet in the place of the one before; only then is it written. Caddy that refuses it goes on
 * with what it had, and so does the folder. Those that wait for the same hub meanwhile are loaded together: a load
 * costs as much as the hub has sites, and a first run has one for each.
 */
export async function loadSnippet(step: CaddyLoad, options: Options): Promise<void> {
  const done = Promise.withResolvers<void>();
  waiting.push({ step, options, done });
  void queue.add(async () => {
    const [first] = waiting;
    if (first === undefined) return;
    const group = waiting.filter((each) => isAlike(each.step, first.step));
    for (const each of group) waiting.splice(waiting.indexOf(each), 1);
    await loadGroup(group);
  });
  await done.promise;
}

function isAlike(step: CaddyLoad, first: CaddyLoad): boolean {
  const parts = ['socket', 'folder', 'caddyfile', 'line'] as const;
  return parts.every((part) => step[part] === first[part]);
}

/** What Caddy refuses together is told apart one by one: each has its own words. */
async function loadGroup(group: Waiting[]): Promise<void> {
  try {
    await loadTogether(group);
    for (const { step, done } of group) await keep(step).then(done.resolve, done.reject);
  } catch (error) {
    const isRefused = (error as Error).cause instanceof CaddyRefused;
    if (isRefused && group.length > 1) for (const each of group) await loadGroup([each]);
    else for (const { done } of group) done.reject(error);
  }
}

async function loadTogether(group: Waiting[]): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { socket, folder, caddyfile, line } = first.step;
  const wanted = await readSnippets(folder);
  for (const { step } of group) if (step.snippet !== null) wanted.set(step.name, step.snippet);
  for (const { step } of group) await stayWithin(step, first.options);
  const inOrder = inHubOrder(wanted);
  const names = group.map(({ step }) => step.name).join(', ');
  const options = { ...first.options, socket };
  await load(composeCaddyfile(caddyfile, line, [...inOrder.values()]), options).catch((error: unknown) => {
    const words =
      error instanceof CaddyRefused
        ? `Caddy refuses it: ${inItsFile(error.message, caddyfile, line, inOrder)}`
        : caddySentence(error);
    throw new StepError(`the routes of ${names} were not loaded: ${words}`, { cause: error });
  });
}

/** Also where nobody could look at it before: a hub that this very plan has started. */
async function stayWithin({ socket, name, snippet, bounds }: CaddyLoad, options: Options): Promise<void> {
  if (bounds === undefined || snippet === null) return;
  const failed = `the routes of ${name} were not loaded`;
  const config = await adapt(snippet, { ...options, socket }).catch((cause: unknown) => {
    // What it does not take alone it does not take among others, and says so there.
    if (cause instanceof CaddyRefused) return null;
    throw new StepError(`${failed}: ${caddySentence(cause)}`, { cause });
  });
  const stray = outOfBounds(config, bounds);
  if (stray !== null)
    throw new StepError(`${failed}: their directives go too far: ${stray}`, {
      cause: new CaddyRefused(stray),
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
async function keep({ folder, name, snippet }: CaddyLoad): Promise<void> {
  if (snippet === null) return;
  const file = path.join(folder, `${name}.caddy`);
  const beside = `${file}.new`;
  try {
    if (snippet === '') return await rm(file, { force: true });
    await writeFile(beside, snippet, { mode: 0o644, flush: true });
    await rename(beside, file);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    const why = `the hub runs with the routes of ${name}, and they could not be kept for its next start`;
    throw new StepError(`${why}: ${(cause as Error).message}`, { cause });
  }
}
