import ipaddr from 'ipaddr.js';
import type { LabFile } from './lab.ts';
import type { ServiceModel } from './model.ts';
import { errorAt } from './problems.ts';
import { quote } from './schema/explain.ts';
import type { Problem } from './types.ts';

/** Docker's own network, on which the host answers at the first address (docs.docker.com/engine/network/drivers/bridge). */
const ofDocker = '172.17.0.0/16';

/**
 * A route may lead to a machine outside, by its address. One of the hub, of this host or of a container would go past
 * the walls between services: those are reached by names, which are known to be of one's own.
 */
export function addressProblem(
  { target, targetOrigin }: ServiceModel['routes'][number],
  { lab }: LabFile,
): Problem[] {
  // As the C library reads it, too: 127.1 is an address.
  if (target === null || !ipaddr.IPv4.isValid(target)) return [];
  const address = ipaddr.IPv4.parse(target);
  const own = [lab.networks.pool, ...Object.values(lab.networks.subnets), ofDocker];
  const isContainer = own.some((network) => address.match(ipaddr.IPv4.parseCIDR(network)));
  const isHost =
    address.toString() === lab.hub?.address ||
    ['loopback', 'unspecified', 'linkLocal'].includes(address.range());
  if (!isContainer && !isHost) return [];
  const whose = isHost ? 'of the hub or of this host' : 'of a container or of this host';
  const fix = 'write a container of this service by its name, or the address of another machine';
  return [errorAt(targetOrigin, `${quote(target)} is an address ${whose}`, fix, target)];
}
