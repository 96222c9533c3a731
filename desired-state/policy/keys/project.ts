import { serviceKeys } from './service.ts';
import { each, type Keys } from './verdict.ts';

const elsewhere = 'refused: it is kept elsewhere, and not by compose';

const networks: Keys = {
  '*': {
    ...each('harmless', 'attachable enable_ipv4 enable_ipv6 internal labels'),
    ...each('shared-network', 'external name'),
    ...each('network-driver', 'driver driver_opts'),
    ipam: {
      ...each('network-driver', 'driver options'),
      config: { '*': each('network-driver', 'aux_addresses gateway ip_range subnet') },
    },
  },
};

const volumes: Keys = {
  '*': { labels: 'harmless', ...each('outside-bind-mount', 'driver driver_opts external name') },
};

const contents: Keys = {
  ...each('harmless', 'labels name'),
  environment: 'server-environment',
  file: 'outside-files',
  external: elsewhere,
  template_driver: elsewhere,
};

/** All that a resolved compose file may hold. */
export const projectKeys: Keys = {
  ...each('harmless', 'name version'),
  services: { '*': serviceKeys },
  networks,
  volumes,
  configs: { '*': { ...contents, content: 'harmless' } },
  secrets: { '*': { ...contents, driver: elsewhere, driver_opts: elsewhere } },
  include: 'refused: what it takes in was not there to be looked at',
};
