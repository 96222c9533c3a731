import ipaddr from 'ipaddr.js';
import type { LabFile } from './lab.ts';
import type { ServiceModel } from './model.ts';
import { errorAt } from './problems.ts';
import { addressOf } from './routes.ts';
import { quote } from './schema/explain.ts';
import type { Problem } from './types.ts';

/** Docker's own network, on which the host answers at the first address (docs.docker.com/engine/network/drivers/bridge). */
const ofDocker = '172.17.0.0/16';

/** Names that every resolver, or Docker, answers with this host itself (RFC 6761, 6.3; nss-myhostname(8); docs.docker.com/desktop/features/networking). */
const ofHost = /(^|\.)(localhost|localhost\.localdomain|docker\.internal)$/i;

export const isOfHost = (name: string): boolean => ofHost.test(name);

/**
 * A route may lead to a machine outside, by its address or its name. One of the hub, of this host or of a container
 * would go past the walls between services: those are reached by names, which are known to be of one's own. Which
 * address the network's DNS has for another name is not known here.
 */
export function addressProblem(
  { target, targetOrigin }: ServiceModel['routes'][number],
  { lab }: LabFile,
): Problem[] {
  const whose = target === null ? null : ownerOf(target, lab);
  if (target === null || whose === null) return [];
  const fix = 'write a container of this service by its name, or the address of another machine';
  return [errorAt(targetOrigin, `${quote(target)} is an address ${whose}`, fix, target)];
}

/** Null: of another machine, as far as one can see. */
function ownerOf(target: string, lab: LabFile['lab']): string | null {
  const isHost = 'of the hub or of this host';
  if (isOfHost(target)) return isHost;
  const plain = addressOf(target);
  if (plain === null) return null;
  if (plain === lab.hub?.address) return isHost;
  const address = ipaddr.IPv4.parse(plain);
  if (['loopback', 'unspecified', 'linkLocal'].includes(address.range())) return isHost;
  const own = [lab.networks.pool, ...Object.values(lab.networks.subnets), ofDocker];
  const isContainer = own.some((network) => address.match(ipaddr.IPv4.parseCIDR(network)));
  return isContainer ? 'of a container or of this host' : null;
}
