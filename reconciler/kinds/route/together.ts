import type { DesiredState } from '../../../desired-state/types.ts';
import { addressesIn } from '../../../tools/caddy/own-hosts.ts';
import { breaksPolicy } from '../../policy.ts';
import type { Inventory } from '../../state/inventory.ts';

/**
 * Caddy has an address once. A site that moves from one service to another is free only when the file of the other one
 * has changed as well, and where two swap theirs, neither could be first: they are loaded together.
 */

type Texts = ReadonlyMap<string, string>;
type Snippet = readonly [name: string, text: string];

/** Name -> text of the snippets that are to be there; what is left as it is keeps the file that it has. */
export function wantedSnippets(desired: DesiredState): Snippet[] {
  return desired.resources.flatMap((each) =>
    each.kind === 'caddy-route' && each.snippet !== null && !isHeld(each.service, desired)
      ? [[each.name, each.snippet] as const]
      : [],
  );
}

export function isHeld(service: string, desired: DesiredState): boolean {
  return desired.suspended.includes(service) || breaksPolicy(service, { desired });
}

/** Recorded, and no longer in Git: pruned, but for what is left alone. */
export function leavingRoutes(desired: DesiredState, { entries, restoring }: Inventory): string[] {
  const declared = new Set<string>(desired.resources.map(({ id }) => id));
  return [...entries.values()]
    .filter(({ kind, id }) => kind === 'caddy-route' && !declared.has(id))
    .filter(({ service }) => !restoring.has(service ?? '') && !breaksPolicy(service ?? '', { desired }))
    .map(({ name }) => name);
}

/** Snippets of others whose files have an address of this one, of one that comes along with it, and so on; `` goes. */
export function comeAlong(name: string, wanted: Texts, files: Texts): Snippet[] {
  const holders = holdersIn(files);
  const found = new Set([name]);
  for (const each of found)
    for (const address of addressesIn(wanted.get(each) ?? '')) {
      const holder = holders.get(address);
      const text = holder === undefined ? undefined : wanted.get(holder);
      if (holder !== undefined && text !== undefined && text !== files.get(holder)) found.add(holder);
    }
  found.delete(name);
  return [...found].sort().map((each) => [each, wanted.get(each) ?? ''] as const);
}

const known = new WeakMap<Texts, ReadonlyMap<string, string>>();

/** Address of a site -> the file that has it. Files of one look are looked through once. */
function holdersIn(files: Texts): ReadonlyMap<string, string> {
  const holders =
    known.get(files) ??
    new Map(
      [...files].flatMap(([name, text]) => addressesIn(text).map((address) => [address, name] as const)),
    );
  known.set(files, holders);
  return holders;
}
