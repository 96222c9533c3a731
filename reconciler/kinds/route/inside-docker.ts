import ipaddr from 'ipaddr.js';
import type { DesiredRoute } from '../../../desired-state/types.ts';
import type { World } from '../../world.ts';

/**
 * Why a route must not lead to an address: on a bridge of Docker it is a container, or this host. Which networks there
 * are besides those of Git only Docker knows. Those of other drivers (macvlan) have addresses of the home network. Null
 * where it may.
 */
export function insideDocker({ addresses }: DesiredRoute, { networkByName }: World): string | null {
  const bridges = [...networkByName.values()].filter(({ driver }) => driver === 'bridge');
  for (const { name, subnets } of bridges)
    for (const address of addresses)
      if (subnets.some((subnet) => isIn(address, subnet)))
        return `${address} is on the Docker network ${name}: an address of a container or of this host; write a container of this service by its name, or the address of another machine`;
  return null;
}

function isIn(address: string, subnet: string): boolean {
  return ipaddr.IPv4.isValidCIDR(subnet) && ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(subnet));
}
