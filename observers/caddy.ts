import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type AdminOptions,
  adapt,
  CaddyRefused,
  caddySentence,
  runningConfig,
} from '../tools/caddy/admin.ts';
import { composeCaddyfile, inHubOrder, inItsFile, standsAlone } from '../tools/caddy/compose.ts';
import { digest } from '../tools/digest.ts';
import { type Answer, type Ask, type AskAlone, judge } from './caddy-judge.ts';
import type { HubRequest, Observed, ObservedHub } from './types.ts';

/** Ending of a snippet's file. */
const ending = '.caddy';

/** What a Caddy has said of texts, by their digests: it says the same for as long as its container is the same. */
export interface Said {
  /** Its id. */
  container: string | null;
  answers: Map<string, Answer>;
}

export function nothingSaid(): Said {
  return { container: null, answers: new Map() };
}

/** What the hub runs with, and what it makes of what Git says. Read only. `container`: the id of the one that runs. */
export async function observeHub(
  request: HubRequest,
  options: Omit<AdminOptions, 'socket'>,
  said = nothingSaid(),
  container: Promise<string | null> = Promise.resolve(null),
): Promise<Observed<ObservedHub>> {
  const admin = { ...options, socket: request.socket };
  try {
    const [running, files, id] = await Promise.all([
      runningConfig(admin),
      readSnippets(request.folder),
      container,
    ]);
    const before = id !== null && id === said.container ? said.answers : new Map<string, Answer>();
    const now = new Map<string, Answer>();
    const recall = remembering(admin, before, now);
    const verdicts = await judge(request, files, whole(request, recall), recall);
    // What was not asked this time is not asked again.
    Object.assign(said, { container: id, answers: now });
    return { known: true, value: { running, files, ...verdicts } };
  } catch (error) {
    return { known: false, error: caddySentence(error) };
  }
}

/** What a text means may depend on files of the container, where it imports some: then it is asked every time. */
function remembering(admin: AdminOptions, before: Map<string, Answer>, now: Map<string, Answer>): AskAlone {
  return async (text) => {
    const key = digest(text);
    const known = now.get(key) ?? (standsAlone(text) ? before.get(key) : undefined);
    const answer = known ?? (await tryAdapt(text, admin));
    now.set(key, answer);
    return answer;
  };
}

function whole({ caddyfile, line }: HubRequest, askAlone: AskAlone): Ask {
  return async (snippets) => {
    const sorted = inHubOrder(snippets);
    const answer = await askAlone(composeCaddyfile(caddyfile, line, [...sorted.values()]));
    return 'error' in answer ? { error: inItsFile(answer.error, caddyfile, line, sorted) } : answer;
  };
}

async function tryAdapt(text: string, admin: AdminOptions): Promise<Answer> {
  try {
    return { config: await adapt(text, admin) };
  } catch (error) {
    if (error instanceof CaddyRefused) return { error: error.message };
    throw error;
  }
}

async function readSnippets(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const own = names.filter((name) => name.endsWith(ending)).sort();
  const read = own.map(async (name) => {
    const text = await readFile(path.join(folder, name), 'utf8');
    return [name.slice(0, -ending.length), text] as const;
  });
  return new Map(await Promise.all(read));
}
