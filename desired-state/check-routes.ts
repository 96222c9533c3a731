import { standsFor } from '../tools/caddy/own-hosts.ts';
import type { LabFile } from './lab.ts';
import type { ServiceModel } from './model.ts';
import { errorAt, place } from './problems.ts';
import type { Answered } from './reached.ts';
import { addressProblem, isOfHost } from './route-address.ts';
import { nearest, quote } from './schema/explain.ts';
import type { Problem } from './types.ts';

type Route = ServiceModel['routes'][number];

interface Holder {
  service: string;
  path: string;
  at: string;
}

/** Rules about host names, which are there once in a lab, and about where they lead. */
export function routeProblems(
  models: readonly ServiceModel[],
  names: readonly string[],
  lab: LabFile,
): Problem[] {
  const holders = new Map<string, Holder[]>();
  const owner = new Map(
    models.flatMap((model) => model.reachable.map((name) => [name, model.name] as const)),
  );
  const authorities = new Map<string, Route>();
  const complete = models.length === names.length;
  const known = namesOfHub(models, lab);
  const all = models.flatMap(({ name, routes }) => routes.map((route) => ({ ...route, service: name })));
  const found = models.flatMap((model) =>
    model.routes.flatMap((route) => [
      ...hostClash(model, route, holders),
      ...wildcardClash(model, route, all),
      ...domainProblem(route, lab),
      ...answerProblem(route),
      ...(targetProblem(model, route, owner, complete) ?? nameProblem(model, route, known)),
      ...route.raw.flatMap((each) => nameProblem(model, each, known)),
      ...authorityProblem(route, authorities),
      ...addressProblem(route, lab),
    ]),
  );
  return holders.size === 0 ? found : [...found, ...models.flatMap(({ hub }) => hub.problems)];
}

/** A service may lead the paths of its host to different places; a host of two services has two masters. */
function hostClash({ name }: ServiceModel, route: Route, holders: Map<string, Holder[]>): Problem[] {
  const others = holders.get(route.name) ?? [];
  holders.set(route.name, [...others, { service: name, path: route.path, at: place(route.origin) }]);
  const clash = others.find(({ service, path }) => service !== name || path === route.path);
  if (clash === undefined) return [];
  const message = `the host ${quote(route.name)} is taken by ${clash.service} at ${clash.at}`;
  const fix = clash.service === name ? 'choose another host, or another path' : 'choose another host';
  return [errorAt(route.origin, message, fix, route.name)];
}

/**
 * Caddy asks the site of the whole name first, but only among those of the same scheme: beside a host that has the other
 * one alone, the wildcard would get what is meant for it, in the place of its redirect or of nobody.
 */
function wildcardClash(
  { name }: ServiceModel,
  route: Route,
  all: (Route & { service: string })[],
): Problem[] {
  const isPlain = route.tls === 'off';
  const isKept = (host: string) => all.some((each) => each.name === host && (each.tls === 'off') === isPlain);
  const other = all.find(
    (each) => each.service !== name && standsFor(route.name, each.name) && !isKept(each.name),
  );
  if (other === undefined) return [];
  const message = `${quote(route.name)} takes ${isPlain ? 'http' : 'https'}://${other.name}, and that host is of ${other.service} at ${place(other.origin)}`;
  const fix = 'write each host that it is for, in the place of the wildcard';
  return [errorAt(route.origin, message, fix, route.name)];
}

/** A host has one certificate, whichever of its paths is asked for. */
function authorityProblem(route: Route, authorities: Map<string, Route>): Problem[] {
  if (route.tls === 'off') return [];
  const first = authorities.get(route.name);
  if (first === undefined) authorities.set(route.name, route);
  if (first === undefined || first.tls === route.tls) return [];
  const message = `${quote(route.name)} is tls: ${route.tls} here, and tls: ${first.tls} at ${place(first.origin)}`;
  return [errorAt(route.origin, message, 'write the same at both places', route.name)];
}

function domainProblem(route: Route, { lab, problems }: LabFile): Problem[] {
  if (route.name.includes('.') || lab.domain !== undefined || problems.length > 0) return [];
  const message = `${quote(route.name)} has no dot, and lab.yaml names no domain to put it below`;
  const fix = 'add domain: homelab.lan to lab.yaml, or write the whole name';
  return [errorAt(route.origin, message, fix, route.name)];
}

/** Directives go beside either of the others. */
function answerProblem({ name, origin, answers }: Route): Problem[] {
  if (answers.length === 0)
    return [
      errorAt(origin, `${quote(name)} leads nowhere`, 'write to: "container:port", redirect or caddy', name),
    ];
  if (!answers.includes('to') || !answers.includes('redirect')) return [];
  return [errorAt(origin, `${quote(name)} has both to and redirect`, 'keep one of them', name)];
}

/** Elsewhere is no better than nowhere: who may reach a container is for its own service to say. */
function targetProblem(
  model: ServiceModel,
  route: Route,
  owner: Map<string, string>,
  complete: boolean,
): Problem[] | null {
  const { target, targetOrigin } = route;
  if (target === null || model.reachable.includes(target) || target.includes('.') || isOfHost(target))
    return null;
  const near = nearest(target, model.reachable);
  const fix = near === undefined ? `write one of ${model.reachable.join(', ')}` : `write ${near}`;
  const other = owner.get(target);
  if (other !== undefined) {
    const message = `${quote(target)} is a container of ${other}, not of ${model.name}`;
    return [errorAt(targetOrigin, message, `move the route to services/${other}/service.yaml`, target)];
  }
  return complete
    ? [errorAt(targetOrigin, `${model.name} has no container ${quote(target)}`, fix, target)]
    : null;
}

type Taken = Answered & { service: string };

/** What the hub's DNS would answer, by every way to ask for it: of all containers on networks that the hub is on. */
function namesOfHub(models: readonly ServiceModel[], { lab }: LabFile): Map<string, Taken[]> {
  const networks = new Set(
    models.flatMap(({ name, networks: own, resources }) => [
      ...(name === lab.hub?.service ? own : []).map((network) => network.name),
      ...resources.filter(({ kind }) => kind === 'hub-attachment').map((attachment) => attachment.name),
    ]),
  );
  const known = new Map<string, Taken[]>();
  for (const { name: service, answers } of models)
    for (const answer of answers.filter(({ network }) => networks.has(network)))
      for (const name of [answer.name, `${answer.name}.${answer.network}`]) {
        const key = name.toLowerCase();
        const taken = known.get(key) ?? [];
        known.set(key, taken);
        taken.push({ ...answer, service });
      }
  return known;
}

/** A name that two services answer to would lead the requests of one to the other, now and then. */
function nameProblem(
  { name }: ServiceModel,
  route: Pick<Route, 'target' | 'dialled' | 'targetOrigin'>,
  known: Map<string, Taken[]>,
): Problem[] {
  const { target, dialled, targetOrigin } = route;
  if (target === null || dialled === null) return [];
  const other = known.get(dialled.toLowerCase())?.find(({ service }) => service !== name);
  if (other === undefined) return [];
  const what = `the hub may take ${quote(target)} for a container of ${other.service}`;
  const message = `${what}, which has that name too at ${place(other.origin)}`;
  return [errorAt(targetOrigin, message, 'choose another name at one of the two places', target)];
}
