import { outOfBounds } from '../tools/caddy/bounds.ts';
import { hostsIn, mayMean, ownHostIn } from '../tools/caddy/own-hosts.ts';
import type { HubRequest, ObservedHub } from './types.ts';

/**
 * What a Caddy thinks of texts. All together where it takes them: one question. Else those that it refuses are found by
 * halves, so that one among many costs a few questions. What was taken first stays, and who clashes with it is refused.
 */

export type Texts = ReadonlyMap<string, string>;
export type Answer = { config: object } | { error: string };

/** What it makes of the hub's Caddyfile with these snippets. */
export type Ask = (snippets: Texts) => Promise<Answer>;

/** What it makes of a text by itself. */
export type AskAlone = (text: string) => Promise<Answer>;

type Verdicts = Pick<ObservedHub, 'kept' | 'atStart' | 'refused' | 'strange' | 'stray'>;

export async function judge(
  request: HubRequest,
  files: Texts,
  ask: Ask,
  askAlone: AskAlone,
): Promise<Verdicts> {
  const { own, snippets, leaving } = request;
  const there = await taken(files, ask);
  if ('own' in there)
    return { kept: null, atStart: there.own, refused: new Map([[own, there.own]]), strange: new Map() };
  // Of a service that is left alone, or of a person.
  const lying = [...files].filter(([name]) => !snippets.has(name) && !leaving.includes(name));
  const wanted = await taken(new Map([...lying, ...snippets]), ask);
  const refused = 'own' in wanted ? [] : [...wanted.refused];
  const both = 'own' in wanted ? null : wanted.config;
  const stray = new Map([
    ...(await straysOf(request, askAlone)),
    ...(await takenFromHub(request, ask, both)),
  ]);
  return {
    kept: there.config,
    atStart: [...there.refused].map(([name, words]) => `${name}.caddy: ${words}`)[0] ?? null,
    refused: new Map(refused.filter(([name]) => snippets.has(name))),
    strange: new Map(refused.filter(([name]) => !snippets.has(name))),
    ...(stray.size === 0 ? {} : { stray }),
  };
}

/** One that Caddy does not take alone says why by itself, among the others. */
async function straysOf({ snippets, bounds = new Map() }: HubRequest, askAlone: AskAlone) {
  const stray = new Map<string, string>();
  for (const [name, within] of bounds) {
    const answer = await askAlone(snippets.get(name) ?? '');
    const words = 'config' in answer ? outOfBounds(answer.config, within) : null;
    if (words !== null) stray.set(name, `its directives go too far: ${words}`);
  }
  return stray;
}

async function takenFromHub({ caddyfile, line, snippets }: HubRequest, ask: Ask, both: object | null) {
  if (!mayMean(caddyfile, line, [...snippets.values()].flatMap(hostsIn))) return [];
  const own = await ask(new Map());
  return [...snippets].flatMap(([name, snippet]) => {
    const words = 'config' in own ? ownHostIn(snippet, own.config, both) : null;
    return words === null ? [] : [[name, words] as const];
  });
}

interface Taken {
  /** Of those that it takes. */
  config: object;
  refused: Map<string, string>;
}

/** `own`: why it refuses the Caddyfile even without any of them. */
async function taken(texts: Texts, ask: Ask): Promise<Taken | { own: string }> {
  const whole = await ask(texts);
  if ('config' in whole) return { config: whole.config, refused: new Map() };
  const alone = await ask(new Map());
  if ('error' in alone) return { own: alone.error };
  const found: Taken & { texts: Map<string, string> } = {
    config: alone.config,
    refused: new Map(),
    texts: new Map(),
  };
  await addTo(found, [...texts], ask);
  return found;
}

async function addTo(
  found: Taken & { texts: Map<string, string> },
  more: [string, string][],
  ask: Ask,
): Promise<void> {
  if (more.length === 0) return;
  const texts = new Map([...found.texts, ...more]);
  const answer = await ask(texts);
  if ('config' in answer) {
    Object.assign(found, { texts, config: answer.config });
    return;
  }
  const [first] = more;
  if (more.length === 1 && first !== undefined) {
    found.refused.set(first[0], answer.error);
    return;
  }
  const middle = more.length >> 1;
  await addTo(found, more.slice(0, middle), ask);
  await addTo(found, more.slice(middle), ask);
}
