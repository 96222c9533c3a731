import path from 'node:path';
import type { DesiredHub, ResourceId } from '../../../desired-state/types.ts';
import type { ObservedHub } from '../../../observers/types.ts';
import type { Inventory } from '../../state/inventory.ts';

/** The hub's own Caddyfile, which is a route among the routes of services. */
export function ownRoute({ service }: Pick<DesiredHub, 'service'>): { id: ResourceId; name: string } {
  const name = `${service}/Caddyfile`;
  return { id: `caddy-route:${name}`, name };
}

/** Digest of the Caddyfile that the hub was seen with, or was told; null: of none. */
export function toldDigest(hub: Pick<DesiredHub, 'service'>, { entries }: Inventory): string | null {
  return (entries.get(ownRoute(hub).id)?.data.digest as string | undefined) ?? null;
}

/** Why the hub takes nothing that it is told, as a sentence; null: nothing is in the way. */
export function obstacleOf(seen: ObservedHub, hub: DesiredHub): string | null {
  if (seen.kept === null) return `Caddy refuses the hub's own Caddyfile: ${seen.atStart}`;
  const [first] = seen.strange;
  if (first === undefined) return null;
  const [name, words] = first;
  const file = path.posix.join(hub.folder, `${name}.caddy`);
  return `Caddy refuses ${file}, and with it all that is loaded: ${words}; mend it, or take it away`;
}
