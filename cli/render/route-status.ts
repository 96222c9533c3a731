import type { StatusOptions } from './status.ts';
import { pad, paint, safe, truncate, widest } from './text.ts';
import { duration, relative } from './time.ts';
import type { RouteStatus } from './types.ts';

/** Each route as it last answered; what does not answer comes first. */
export function routeLines(routes: RouteStatus[], options: StatusOptions): string[] {
  const sorted = [...routes].sort((a, b) => Number(b.error !== null) - Number(a.error !== null));
  const urls = widest(sorted.map(({ url }) => safe(url)));
  return sorted.map((route) => {
    const room = options.width === null ? null : Math.max(4, options.width - urls - 2);
    const said = truncate(route.error === null ? good(route, options.now) : bad(route, options.now), room);
    return `${pad(safe(route.url), urls)}  ${route.error === null ? said : paint(options, 'red', said)}`;
  });
}

function good({ status, latencyMs, certificateEndsAt, askedAt }: RouteStatus, now: number): string {
  const end = certificateEndsAt === null ? [] : [`certificate ends ${relative(certificateEndsAt, now)}`];
  return [`answers ${status} in ${duration(latencyMs ?? 0)}`, ...end, `asked ${relative(askedAt, now)}`].join(
    ' · ',
  );
}

function bad({ error, since, askedAt }: RouteStatus, now: number): string {
  return [
    safe(error ?? ''),
    `for ${duration(Math.max(0, now - since))}`,
    `asked ${relative(askedAt, now)}`,
  ].join(' · ');
}
