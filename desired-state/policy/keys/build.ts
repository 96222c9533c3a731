import { each, type Keys } from './verdict.ts';

/** What is run while an image is built has walls of its own; what is read and written is the server's. */
export const buildKeys: Keys = {
  ...each('harmless', 'args dockerfile_inline extra_hosts labels no_cache platforms pull shm_size target'),
  ulimits: { '*': each('harmless', 'soft hard') },
  ...each('outside-files', 'additional_contexts context dockerfile'),
  ...each('privileged', 'entitlements privileged'),
  network: 'host-namespaces',
  ssh: 'server-environment',
  secrets: { '*': each('server-environment', 'gid mode source target uid') },
  tags: 'built-image',
  cache_from: 'refused: it reads where it says, as root',
  cache_to: 'refused: it writes where it says, as root',
  isolation: 'refused: it chooses other walls than those that the rules know',
};
