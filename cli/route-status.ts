import type { DesiredRoute, DesiredState } from '../desired-state/types.ts';
import type { RouteMetric } from '../metrics/types.ts';
import { urlOf } from '../reconciler/probe-gate.ts';
import { keepProbes, readProbes, recordProbes } from '../reconciler/state/probes.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { RouteStatus } from './render/types.ts';
import type { Wired } from './wire.ts';

/** Routes as they answer: asked beside the cycles, and told by `status` and the metrics. */

export function routeStatus(store: Store): RouteStatus[] {
  return readProbes(store).map(
    ({
      url,
      service,
      atMs,
      status,
      latencyMs,
      certificateEndsMs,
      certificateBeginsMs,
      sinceMs,
      ...said
    }) => ({
      ...{
        url,
        service,
        askedAt: atMs,
        status,
        latencyMs,
        certificateEndsAt: certificateEndsMs,
        certificateEndsSoon: endsSoon(atMs, certificateBeginsMs, certificateEndsMs),
        ...said,
        since: sinceMs,
      },
    }),
  );
}

/** Caddy renews it when a third of its time is left (certmagic, RenewalWindowRatio): at a sixth it has not come to that. */
function endsSoon(nowMs: number, beginsMs: number | null | undefined, endsMs: number | null): boolean {
  if (endsMs === null) return false;
  const lastsMs = beginsMs === null || beginsMs === undefined ? 0 : endsMs - beginsMs;
  return endsMs - nowMs <= lastsMs / 6;
}

export function metricOfRoute({
  since: _since,
  certificateEndsSoon: _soon,
  error,
  unproven,
  ...rest
}: RouteStatus): RouteMetric {
  return { ...rest, answers: unproven === undefined ? error === null : null };
}

function routesOf({ resources, suspended }: DesiredState): DesiredRoute[] {
  const routes = resources.filter((each) => each.kind === 'caddy-route');
  return routes.filter(({ service, probes }) => probes.length > 0 && !suspended.includes(service));
}

/** What Git does not declare any more is not told any more. */
export function forgetRoutes(store: Store, desired: DesiredState): void {
  keepProbes(store, new Set(routesOf(desired).flatMap(({ probes }) => probes.map(urlOf))));
}

/** Asks for every route that was loaded, once. Gives those that have begun or ceased to answer since. */
export async function probeRoutes(
  { deps, store }: Wired,
  desired: DesiredState,
  signal: AbortSignal,
): Promise<RouteStatus[]> {
  const { hub } = desired;
  const routes = routesOf(desired);
  if (hub === null || routes.length === 0) return [];
  const before = new Map(routeStatus(store).map((route) => [route.url, route]));
  const { container, socket } = hub;
  const targets = routes.flatMap(({ probes }) => probes);
  const answers = await deps.observer.probe({ container, socket, targets, signal });
  // What was cut off says nothing about the routes.
  if (signal.aborted) return [];
  let from = 0;
  for (const { service, probes } of routes) {
    recordProbes(store, service, probes, answers.slice(from, from + probes.length), deps.clock.now());
    from += probes.length;
  }
  return routeStatus(store).filter(({ url, error }) => {
    const known = before.get(url);
    return known === undefined ? error !== null : (known.error === null) !== (error === null);
  });
}
