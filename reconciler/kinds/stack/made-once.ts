import type { DesiredContainer, DesiredStack } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';
import type { Reason } from '../../types.ts';
import type { World } from '../../world.ts';

/** Docker changes neither a network nor a volume that is there: that one is not as Git says can only be told. */

export function otherNetworks(stack: DesiredStack, desired: DesiredContainer, world: World): Reason[] {
  return Object.entries(desired.ownNetworks ?? {}).flatMap(([name, isInternal]) => {
    const network = world.networkByName.get(name);
    if (network === undefined || network.internal === isInternal) return [];
    const note = `network ${name} cannot be changed: docker compose -p ${stack.name} down, and Steward makes it and the containers anew`;
    const [from, to] = [wordOf(network.internal), wordOf(isInternal)];
    return [{ field: 'network', from, to, note, container: desired.name }];
  });
}

function wordOf(isInternal: boolean): string {
  return isInternal ? 'internal' : 'open to the outside';
}

/** Seen by where the container writes to. */
export function otherVolumes(desired: DesiredContainer, found: ObservedContainer[]): Reason[] {
  return Object.entries(desired.volumeFolders ?? {}).flatMap(([name, folder]) => {
    if (found.every(({ writes }) => writes.includes(folder))) return [];
    const note = `Docker keeps volume ${name} as it was made, and it does not stand for this folder: give it another name in Git`;
    return [{ field: `volume ${name}`, from: null, to: folder, note, container: desired.name }];
  });
}
