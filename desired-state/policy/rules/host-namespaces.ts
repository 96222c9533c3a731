import { type BrokenAt, eachContainer } from '../containers.ts';
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
    eachContainer(context, (service, name): BrokenAt[] =>
      shared.flatMap(([key, what]) => {
        const value = service[key];
        if (typeof value !== 'string') return [];
        const foreign = /^container:(.*)/.exec(value)?.[1];
        if (value !== 'host' && (foreign === undefined || key === 'network_mode')) return [];
        const whose = foreign === undefined ? 'the host' : `the container ${foreign}`;
        return [{ at: [key], message: `${name} has the ${what} of ${whose}`, text: value }];
      }),
    ),
};
