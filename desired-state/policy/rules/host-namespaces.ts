import type { ResolvedService } from '../../compose/types.ts';
import type { ServiceContext } from '../../context.ts';
import { type BrokenAt, eachContainer, isOwnContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

const shared: [key: string, what: string][] = [
  ['network_mode', 'network'],
  ['pid', 'processes'],
  ['ipc', 'shared memory'],
  ['uts', 'host name'],
  ['userns_mode', 'user ids'],
  ['cgroup', 'control groups'],
];

export const hostNamespaces: Rule = {
  id: 'host-namespaces',
  severity: 'error',
  why: 'On the network of the host a container reaches what listens on localhost only; with its processes or its user ids it can read and end them.',
  fix: 'remove it: the container then gets its own',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => [
      ...shared.flatMap(([key, what]) => {
        const whose = whoseIs(service[key], key, context);
        if (whose === null) return [];
        return [{ at: [key], message: `${name} has the ${what} of ${whose}`, text: String(service[key]) }];
      }),
      ...builder(service, name),
    ]),
};

/** Null: its own, or that of a container of the same service. Networks with a name are for `shared-network` to judge. */
function whoseIs(value: unknown, key: string, context: ServiceContext): string | null {
  if (typeof value !== 'string' || /^(private|shareable|none)?$|^service:/.test(value)) return null;
  if (value === 'host') return 'the host';
  const other = /^container:(.*)/.exec(value)?.[1];
  if (other === undefined) return key === 'network_mode' ? null : value;
  return isOwnContainer(context, other) ? null : `the container ${other}`;
}

function builder({ build }: ResolvedService, name: string): BrokenAt[] {
  const network = build?.network;
  if (typeof network !== 'string' || /^(none|default)?$/.test(network)) return [];
  const whose = network === 'host' ? 'the host' : network;
  return [
    { at: ['build', 'network'], message: `${name} is built on the network of ${whose}`, text: network },
  ];
}
