import { judge } from '../observers/caddy-judge.ts';
import type { HubRequest, Observed, ObservedHub, ProbeAnswer, ProbeRequest } from '../observers/types.ts';
import { StepError } from '../reconciler/apply/types.ts';
import type { CaddyLoad } from '../reconciler/types.ts';
import { composeCaddyfile, inHubOrder } from '../tools/caddy/compose.ts';
import { verdictOf } from '../tools/caddy/probe.ts';
import type { Action } from './actions.ts';
import type { SimulatedContainer, World } from './world.ts';

/** A Caddy that knows sites and no directives. Its container is the one that has the admin socket's folder mounted. */

const running = 'running';

export async function observeHub(world: World, request: HubRequest): Promise<Observed<ObservedHub>> {
  const hub = hubOf(world, request.socket);
  if (hub === undefined) return { known: false, error: 'Caddy is not running: there is no admin socket' };
  const files = new Map(world.snippets.entries());
  const { caddyfile, line } = request;
  const running = adapted(textNow(world, hub, request));
  const alone = async (text: string) => {
    const config = tryAdapt(text);
    return config === null ? { error: 'ambiguous site definition' } : { config };
  };
  const ask = (snippets: ReadonlyMap<string, string>) =>
    alone(composeCaddyfile(caddyfile, line, [...inHubOrder(snippets).values()]));
  const verdicts = await judge(request, files, ask, alone);
  return { known: true, value: { running, files, ...verdicts } };
}

/** A hub that has a site of this name, with what it goes to running, answers. */
export function probeHub(world: World, { socket, targets }: ProbeRequest): ProbeAnswer[] {
  const hub = hubOf(world, socket);
  const text = hub === undefined ? '' : (world.hub.get(running)?.text ?? '');
  const sites = new Map(sitesIn(text).map(([address, body]) => [address.replace(/^https?:\/\//, ''), body]));
  return targets.map((target) => {
    const { host } = target;
    const site = sites.get(host) ?? sites.get(host.replace(/^steward-probe/, '*'));
    if (hub === undefined) return noAnswer('nobody listens at 127.0.0.1:443, where the hub should');
    if (site === undefined) return noAnswer('the hub has no certificate for this name yet');
    const reached = upstreamsOf(site).every((name) => isUp(world, name));
    const status = target.asksPassword === true ? 401 : reached ? 200 : 502;
    return { status, latencyMs: 1, certificateEndsMs: null, ...verdictOf(status, target) };
  });
}

function noAnswer(error: string): ProbeAnswer {
  return { status: null, latencyMs: null, certificateEndsMs: null, error };
}

function upstreamsOf(site: string): string[] {
  return [...site.matchAll(/reverse_proxy (?:\w+:\/\/)?([^:\s]+)/g)].map(([, name = '']) => name);
}

function isUp(world: World, name: string): boolean {
  const named = [...world.containers.values()].filter((each) =>
    [each.name, each.service].some((own) => own === name || name.startsWith(`${own}.`)),
  );
  return named.some(({ startedAtMs, stopped }) => startedAtMs !== null && stopped === null);
}

/** Whether it was told anything before. */
export function reloadHub(world: World, text: string): boolean {
  const loaded = world.hub.get(running);
  if (loaded !== undefined) world.hub.set(running, { ...loaded, text });
  return loaded !== undefined;
}

/** The new text runs first, then the file is written. */
export function loadStep(world: World, step: CaddyLoad): Action[] {
  const { socket, caddyfile, line, name, snippet } = step;
  const hub = hubOf(world, socket);
  if (hub === undefined)
    throw new StepError(
      `the routes of ${name} were not loaded: Caddy is not running: there is no admin socket`,
    );
  const wanted = new Map(world.snippets.entries());
  const parts = [...(snippet === null ? [] : [{ name, snippet }]), ...(step.along ?? [])];
  for (const part of parts) wanted.set(part.name, part.snippet);
  const text = composeCaddyfile(caddyfile, line, [...inHubOrder(wanted).values()]);
  if (tryAdapt(text) === null)
    throw new StepError(`the routes of ${name} were not loaded: Caddy refuses it: ambiguous site definition`);
  const load = () => world.hub.set(running, { text, since: startOf(hub) });
  const keep = (part: (typeof parts)[number]) =>
    part.snippet === '' ? world.snippets.delete(part.name) : world.snippets.set(part.name, part.snippet);
  return [load, ...parts.map((part) => () => keep(part))];
}

/** A hub that was started since reads its Caddyfile and its folder. */
function textNow(world: World, hub: SimulatedContainer, { caddyfile, line }: HubRequest): string {
  const loaded = world.hub.get(running);
  if (loaded?.since === startOf(hub)) return loaded.text;
  const files = inHubOrder(new Map(world.snippets.entries()));
  return composeCaddyfile(caddyfile, line, [...files.values()]);
}

function startOf({ id, startedAtMs }: SimulatedContainer): string {
  return `${id} ${startedAtMs}`;
}

function hubOf(world: World, socket: string): SimulatedContainer | undefined {
  return [...world.containers.values()].find(
    ({ bindMounts, startedAtMs, stopped }) =>
      startedAtMs !== null && stopped === null && bindMounts.some((path) => socket.startsWith(`${path}/`)),
  );
}

/** As Caddy prints it, of what can be told from the text. */
function adapted(text: string): object {
  const routes = sitesIn(text).map(([address, body]) => ({
    match: [{ host: [address.replace(/^https?:\/\//, '')] }],
    handle: body,
  }));
  return { apps: { http: { servers: { srv0: { listen: [':443'], routes } } } } };
}

function tryAdapt(text: string): object | null {
  const addresses = sitesIn(text).map(([address]) => address);
  return new Set(addresses).size === addresses.length ? adapted(text) : null;
}

function sitesIn(text: string): [string, string][] {
  return [...text.matchAll(/^([^\s#{][^\n]*) \{\n(.*?)^\}$/gms)].map(([, address = '', body = '']) => [
    address,
    body,
  ]);
}
