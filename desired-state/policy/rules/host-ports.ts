import type { ResolvedService } from '../../compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from '../../context.ts';
import { portPlace } from '../../describe.ts';
import { containerNames } from '../../mounts.ts';
import { isHub } from '../containers.ts';
import type { Broken, Rule } from '../types.ts';

/** In a lab without a hub ports of the host are the only way in. */
export const hostPorts: Rule = {
  id: 'host-ports',
  severity: 'error',
  why: 'The hub is the only way in: a port of the host is reached past it, without its TLS and its names, and Docker opens it past the firewall.',
  fix: 'remove the port and give the service a route',
  check(context) {
    if (context.lab.hub === null) return [];
    const others = containerNames(context).filter((name) => !isHub(context, name));
    return others.flatMap((name) => portsOf(context, name, context.project.services[name]));
  },
};

function portsOf(context: ServiceContext, container: string, service?: ResolvedService): Broken[] {
  const { hub } = context.lab;
  const fix = `remove the port: of this service only ${hub?.container}, which lab.yaml names as the hub, has any`;
  const better = hub?.service === context.folder.name ? { fix } : {};
  return (service?.ports ?? []).map(({ published, host_ip: address, target, protocol = 'tcp' }, index) => {
    const number = /^\d+/.exec(published ?? '')?.[0];
    const origin =
      number === undefined
        ? nearComposeOrigin(context, ['services', container, 'ports', index])
        : portPlace(context, container, Number(number), index);
    const host = `${address === undefined ? '' : `${address}:`}${published ?? 'a free port'}`;
    const message = `${container} is reached at ${host} of the host (${target}/${protocol})`;
    return { container, origin, message, ...better, ...(published === undefined ? {} : { text: published }) };
  });
}
