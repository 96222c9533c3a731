import type { Registry } from 'prom-client';
import { type Family, familyOf, recordFamily } from './families.ts';
import type { RouteMetric } from './types.ts';

/** Each route as it last answered through the hub. */

type Field = Exclude<keyof RouteMetric, 'service' | 'url'>;
export type RouteGauges = Family<Field, 'service' | 'url'>;

export function routeGauges(registry: Registry): RouteGauges {
  return familyOf(
    registry,
    {
      answers: [
        'route_up',
        'Whether the route last answered through the hub: 1 or 0; absent where the hub asks for a password first.',
      ],
      status: ['route_status_code', 'HTTP status of its last answer.'],
      latencyMs: ['route_latency_seconds', 'How long the last answer took, with the TLS handshake.'],
      certificateEndsAt: ['route_certificate_expiry_timestamp_seconds', 'When its certificate ends.'],
      askedAt: ['route_probe_timestamp_seconds', 'When it was last asked.'],
    },
    ['service', 'url'],
  );
}

export function recordRoutes(gauges: RouteGauges, routes: RouteMetric[]): void {
  recordFamily(
    gauges,
    routes.map(({ service, url, ...values }) => ({ labels: { service, url }, values })),
  );
}
