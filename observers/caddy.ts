import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type AdminOptions,
  adapt,
  CaddyRefused,
  caddySentence,
  runningConfig,
} from '../tools/caddy/admin.ts';
import { composeCaddyfile } from '../tools/caddy/compose.ts';
import type { HubRequest, Observed, ObservedHub } from './types.ts';

/** Ending of a snippet's file. */
const ending = '.caddy';

/** What the hub runs with, and what it makes of what Git says. Read only. */
export async function observeHub(
  request: HubRequest,
  options: Omit<AdminOptions, 'socket'>,
): Promise<Observed<ObservedHub>> {
  const admin = { ...options, socket: request.socket };
  try {
    const [running, files] = await Promise.all([runningConfig(admin), readSnippets(request.folder)]);
    return { known: true, value: { running, files, ...(await judged(request, files, admin)) } };
  } catch (error) {
    return { known: false, error: caddySentence(error) };
  }
}

/** One call where all is well. Else each is judged by itself, and what was there before stays of those that are refused. */
async function judged(
  request: HubRequest,
  files: Record<string, string>,
  admin: AdminOptions,
): Promise<Pick<ObservedHub, 'wanted' | 'refused'>> {
  // What else lies in the folder is taken in as well: of a service that is left alone, or of a person.
  const all = { ...files, ...request.snippets };
  const whole = await tryAdapt(request, inOrder(all), admin);
  if ('config' in whole) return { wanted: whole.config, refused: {} };
  const own = await tryAdapt(request, [], admin);
  if ('error' in own) return { wanted: null, refused: { [request.own]: own.error } };
  const refused: Record<string, string> = {};
  const kept: Record<string, string> = { ...all };
  for (const [name, snippet] of Object.entries(request.snippets)) {
    const alone = await tryAdapt(request, [snippet], admin);
    if ('error' in alone) refused[name] = alone.error;
    if ('error' in alone) kept[name] = files[name] ?? '';
  }
  const rest = await tryAdapt(request, inOrder(kept), admin);
  return { wanted: 'config' in rest ? rest.config : null, refused };
}

/** As the hub takes them in by itself when it starts. */
function inOrder(snippets: Record<string, string>): string[] {
  return Object.keys(snippets)
    .sort()
    .map((name) => snippets[name] ?? '');
}

async function tryAdapt(
  { caddyfile, line }: HubRequest,
  snippets: string[],
  admin: AdminOptions,
): Promise<{ config: unknown } | { error: string }> {
  try {
    return { config: await adapt(composeCaddyfile(caddyfile, line, snippets), admin) };
  } catch (error) {
    if (error instanceof CaddyRefused) return { error: error.message };
    throw error;
  }
}

async function readSnippets(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const own = names.filter((name) => name.endsWith(ending)).sort();
  const read = own.map(async (name) => {
    const text = await readFile(path.join(folder, name), 'utf8');
    return [name.slice(0, -ending.length), text] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
