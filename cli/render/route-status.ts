import { hanging, pad, paint, type StatusOptions, safe, widest } from './text.ts';
import { duration, relative } from './time.ts';
import type { RouteStatus, Status } from './types.ts';

interface Row {
  /** The route; of routes that nobody could ask for, their service. */
  what: string;
  said: string;
  isBad: boolean;
}

/** Each route as it last answered; what does not answer, or is not as Git says, comes first. */
export function routeLines(
  { routes = [], routeTroubles = {} }: Pick<Status, 'routes' | 'routeTroubles'>,
  options: StatusOptions,
): string[] {
  const troubles = new Map(Object.entries(routeTroubles));
  const services = new Set(routes.map(({ service }) => service));
  const unasked = [...troubles].filter(([service]) => !services.has(service));
  const rows = [
    ...unasked.map(
      ([service, words]): Row => ({ what: `routes of ${service}`, said: safe(words), isBad: true }),
    ),
    ...routes.map((route) => rowOf(route, troubles.get(route.service), options.now)),
  ].sort((a, b) => Number(b.isBad) - Number(a.isBad));
  const width = widest(rows.map(({ what }) => safe(what)));
  return rows.flatMap(({ what, said, isBad }) => {
    const head = { head: `${pad(safe(what), width)}  `, headWidth: width + 2 };
    return hanging(head, said, options, (line) => (isBad ? paint(options, 'red', line) : line));
  });
}

/** What it answers now says nothing of a text that was not loaded. */
function rowOf(route: RouteStatus, trouble: string | undefined, now: number): Row {
  const { url: what, error, certificateEndsSoon = false } = route;
  if (error !== null) return { what, said: bad(route, now), isBad: true };
  const late = certificateEndsSoon ? 'its certificate is not renewed' : undefined;
  const old = trouble === undefined ? undefined : `not as Git says: ${safe(trouble)}`;
  const flaws = [old, late].filter((each) => each !== undefined);
  return { what, said: [...flaws, good(route, now)].join(' · '), isBad: flaws.length > 0 };
}

function good(route: RouteStatus, now: number): string {
  const { status, latencyMs, certificateEndsAt, askedAt, unproven } = route;
  const end = certificateEndsAt === null ? [] : [`certificate ends ${relative(certificateEndsAt, now)}`];
  const said = unproven === undefined ? `answers ${status} in ${duration(latencyMs ?? 0)}` : safe(unproven);
  return [said, ...end, `asked ${relative(askedAt, now)}`].join(' · ');
}

function bad({ error, since, askedAt }: RouteStatus, now: number): string {
  return [
    safe(error ?? ''),
    `for ${duration(Math.max(0, now - since))}`,
    `asked ${relative(askedAt, now)}`,
  ].join(' · ');
}
