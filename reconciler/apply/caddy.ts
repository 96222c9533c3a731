import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import PQueue from 'p-queue';
import { type AdminOptions, adapt, CaddyRefused, caddySentence, load } from '../../tools/caddy/admin.ts';
import { outOfBounds } from '../../tools/caddy/bounds.ts';
import { composeCaddyfile, inHubOrder, inItsFile } from '../../tools/caddy/compose.ts';
import { hostsIn, mayMean, ownHostIn } from '../../tools/caddy/own-hosts.ts';
import { replaceFile } from '../../tools/replace-file.ts';
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
  const parts = group.flatMap(({ step }) => partsOf(step));
  for (const { name, snippet } of parts) wanted.set(name, snippet);
  for (const part of parts) await stayWithin(part, { ...first.options, socket });
  const inOrder = inHubOrder(wanted);
  const both = composeCaddyfile(caddyfile, line, [...inOrder.values()]);
  const options = { ...first.options, socket };
  await leaveOwn(parts, first.step, both, options);
  const names = group.map(({ step }) => step.name).join(', ');
  await load(both, options).catch((error: unknown) => {
    const words =
      error instanceof CaddyRefused
        ? `Caddy refuses it: ${inItsFile(error.message, caddyfile, line, inOrder)}`
        : caddySentence(error);
    throw new StepError(`the routes of ${names} were not loaded: ${words}`, { cause: error });
  });
}

type Part = NonNullable<CaddyLoad['along']>[number];

/** Snippets that change with a step: none where only the hub's own Caddyfile is loaded. */
function partsOf({ name, snippet, bounds, along = [] }: CaddyLoad): Part[] {
  const own = snippet === null ? [] : [{ name, snippet, ...(bounds === undefined ? {} : { bounds }) }];
  return [...own, ...along];
}

/** Also where nobody could look at it before: a hub that this very plan has started. */
async function stayWithin({ name, snippet, bounds }: Part, options: AdminOptions): Promise<void> {
  if (bounds === undefined) return;
  const failed = `the routes of ${name} were not loaded`;
  const config = await adapt(snippet, options).catch((cause: unknown) => {
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

/** Nor does any of them answer for the hub. */
async function leaveOwn(
  parts: Part[],
  { caddyfile, line }: CaddyLoad,
  both: string,
  options: AdminOptions,
): Promise<void> {
  const hosts = parts.flatMap(({ snippet }) => hostsIn(snippet));
  if (hosts.length === 0 || !mayMean(caddyfile, line, hosts)) return;
  const own = await meant(composeCaddyfile(caddyfile, line, []), options);
  const together = await meant(both, options);
  for (const { name, snippet } of parts) {
    const words = ownHostIn(snippet, own, together);
    if (words !== null)
      throw new StepError(`the routes of ${name} were not loaded: ${words}`, {
        cause: new CaddyRefused(words),
      });
  }
}

/** Null for what Caddy refuses: the load tells it. */
async function meant(text: string, options: AdminOptions): Promise<object | null> {
  return adapt(text, options).catch((cause: unknown) => {
    if (cause instanceof CaddyRefused) return null;
    throw new StepError(`the routes were not loaded: ${caddySentence(cause)}`, { cause });
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

/** Of several that change places, none is there while the first is written: one address in two files stops a hub. */
async function keep(step: CaddyLoad): Promise<void> {
  const parts = partsOf(step);
  try {
    const there = await readSnippets(step.folder);
    const others = parts.filter(({ name, snippet }) => (there.get(name) ?? '') !== snippet);
    const going = others.length > 1 ? others : others.filter(({ snippet }) => snippet === '');
    for (const { name } of going) await rm(fileOf(step, name), { force: true });
    for (const { name, snippet } of others)
      if (snippet !== '') await replaceFile(fileOf(step, name), snippet, 0o644);
  } catch (cause) {
    const why = `the hub runs with the routes of ${step.name}, and they could not be kept for its next start`;
    throw new StepError(`${why}: ${(cause as Error).message}`, { cause });
  }
}

function fileOf({ folder }: CaddyLoad, name: string): string {
  return path.join(folder, `${name}.caddy`);
}
