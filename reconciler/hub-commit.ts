import type { DesiredHub, DesiredState, Origin, Problem } from '../desired-state/types.ts';
import type { ObservedHub, ObservedState } from '../observers/types.ts';
import { digest } from '../tools/digest.ts';
import { ownRoute, toldDigest } from './kinds/route/own.ts';
import type { Inventory } from './state/inventory.ts';

/**
 * What is wrong with a commit and only the hub can tell. Its Caddyfile is read out of the checkout by a hub that starts,
 * at whatever hour: so it is judged before the checkout moves, and one that is refused makes the commit a bad one. A text
 * that the hub has had already was taken once: what is wrong then is not Git's.
 */
export function hubProblems(
  desired: DesiredState,
  observed: Pick<ObservedState, 'hub'>,
  inventory: Inventory,
): Problem[] {
  const { hub } = desired;
  if (hub === null) return lostRoutes(desired, inventory);
  if (wasTold(hub, inventory)) return [];
  const origin = desired.resources.find(({ id }) => id === ownRoute(hub).id)?.origin;
  if (origin === undefined || observed.hub === null) return [];
  if (!observed.hub.known) return [unjudged(origin, observed.hub.error)];
  return refusals(observed.hub.value, hub, origin);
}

/** Whether the hub has taken this very Caddyfile before. */
export function wasTold(hub: DesiredHub, inventory: Inventory): boolean {
  return toldDigest(hub, inventory) === digest(hub.caddyfile);
}

/** Routes that are loaded, and that nobody could change or take away from now on. */
function lostRoutes({ hubLacks }: DesiredState, { entries }: Inventory): Problem[] {
  if (hubLacks === null) return [];
  const loaded = [...entries.values()].filter(
    ({ kind, name, service }) => kind === 'caddy-route' && name === service,
  );
  if (loaded.length === 0) return [];
  const names = loaded.map(({ name }) => name).sort();
  const message = `${hubLacks.message}, and the hub has those of ${names.join(', ')}`;
  return [{ ...hubLacks, severity: 'error', message }];
}

function refusals({ refused, atStart }: ObservedHub, hub: DesiredHub, origin: Origin): Problem[] {
  const words = refused.get(ownRoute(hub).name);
  if (words !== undefined) {
    const line = Number(/\bCaddyfile:(\d+)/.exec(words)?.[1] ?? origin.line);
    const fix = 'mend it; what only another Caddy takes comes in a push after that of its image';
    return [{ ...origin, line, severity: 'error', message: `Caddy refuses it: ${words}`, fix }];
  }
  if (atStart === null) return [];
  const message = `a hub that starts with it would not come up: ${atStart}`;
  const fix = 'mend it, or first push what takes the other one away';
  return [{ ...origin, severity: 'error', message, fix }];
}

function unjudged(origin: Origin, error: string): Problem {
  return { ...origin, severity: 'warning', message: `no Caddy has judged it: ${error}` };
}
