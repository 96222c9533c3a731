import { networkName } from '../../mounts.ts';
import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

export const ownNetwork: Rule = {
  id: 'own-network',
  severity: 'warning',
  why: 'A network that compose makes has an address out of nowhere, goes when the stack goes, and the hub cannot join it.',
  fix: 'declare a network of its own with external: true, and let the container join it',
  check(context) {
    const { project, folder } = context;
    const joins = (key: string) =>
      project.networks?.[key]?.external === true || project.networks?.[key]?.internal === true;
    return eachContainer(context, ({ network_mode: mode = '', networks }, name): BrokenAt[] => {
      const keys = Object.keys(networks ?? { default: null });
      if (mode !== '' || keys.length === 0 || keys.some(joins)) return [];
      const names = keys.map((key) => networkName(project, key)).join(', ');
      const fix = `write networks: { ${folder.name}_net: { external: true } } and let ${name} join it`;
      return [{ at: ['networks'], message: `${name} is only on ${names}, which compose makes`, fix }];
    });
  },
};
