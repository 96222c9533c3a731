import type { NameSpace } from '../desired-state/policy/home.ts';
import type { DesiredStack, DesiredState, PolicyFinding } from '../desired-state/types.ts';
import { familiarName } from '../tools/image-name.ts';
import type { Inventory } from './state/inventory.ts';
import { idOf, type World } from './world.ts';

/**
 * A name may fit several services of Git (`photo_net` is called after `photo`, and after a folder `photo_net`), and Git does
 * not say who was there first: whoever may push could hold back what runs, or take what it has, by the name of a new
 * folder. The inventory does: who has it goes on, and the newcomer waits. Where nobody has it yet, as on a new server, the
 * name alone counts.
 */
export function firstCome(desired: DesiredState, inventory: Inventory): DesiredState {
  const { ifLate = [], ...policy } = desired.policy;
  const late = ifLate.filter((each) => isLate(each, inventory));
  const findings = [...policy.findings, ...late].map((each) =>
    each.severity === 'error' && isFirst(each, inventory) ? asWarning(each) : each,
  );
  return { ...desired, policy: { ...policy, findings } };
}

function isLate({ service, contested }: PolicyFinding, inventory: Inventory): boolean {
  if (contested?.onlyAfter === undefined || has(service, contested.space, contested.name, inventory))
    return false;
  return contested.onlyAfter.some((other) => has(other, contested.space, contested.name, inventory));
}

function isFirst({ service, contested }: PolicyFinding, inventory: Inventory): boolean {
  if (contested === undefined) return false;
  const { space, name, before } = contested;
  // Whoever begins to build what it ran before is a newcomer to those that run it as well.
  const own = space === 'image' ? 'built' : space;
  return has(service, own, name, inventory) && !before.some((other) => has(other, space, name, inventory));
}

function has(service: string, where: keyof Taken, name: string, { entries }: Inventory): boolean {
  const data = entries.get(idOf('compose-stack', service))?.data;
  const taken = data?.taken as Taken | undefined;
  // What an older Steward has applied is taken to be as Git says.
  return taken === undefined ? data?.containers !== undefined : (taken[where] ?? []).includes(name);
}

function asWarning(finding: PolicyFinding): PolicyFinding {
  const { service, message, contested } = finding;
  const what = `${service} had the ${contested?.space ?? 'name'} first, and goes on`;
  return { ...finding, severity: 'warning', message: `${message}; ${what}` };
}

/** Built images are among the others, too. */
type Taken = Partial<Record<NameSpace | 'built', string[]>>;

/**
 * What a stack has by its name on the server, for the inventory. Not what it shares by an exception with a service that
 * comes before it: that one need not be there first, as where all is made anew. Sorted.
 */
export function takenNames(
  { id, name, containers }: DesiredStack,
  { desired, inventory }: Pick<World, 'desired' | 'inventory'>,
): { taken: Taken } {
  const known = inventory.entries.get(id)?.data.taken as Taken | undefined;
  const shared = desired.policy.exceptions.flatMap(({ finding: { service, contested } }) =>
    service === name && contested !== undefined && contested.before.length > 0 ? [contested] : [],
  );
  const own = (space: NameSpace, names: string[]) =>
    [...new Set(names)].sort().filter((each) => {
      const isShared = shared.some((one) => one.space === space && one.name === each);
      return !isShared || known?.[space]?.includes(each) === true;
    });
  const images = containers.filter(({ image }) => image !== '');
  const imageNames = (of: DesiredStack['containers']) =>
    own(
      'image',
      of.map(({ image }) => familiarName(image)),
    );
  return {
    taken: {
      network: own(
        'network',
        containers.flatMap(({ networks }) => networks),
      ),
      volume: own('volume', containers.flatMap(volumesOf)),
      image: imageNames(images),
      built: imageNames(images.filter(({ build }) => build)),
    },
  };
}

function volumesOf({ inputs = {} }: DesiredStack['containers'][number]): string[] {
  return Object.entries(inputs).flatMap(([field, name]) => (field.startsWith('volumes.') ? [name] : []));
}
