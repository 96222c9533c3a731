import type { ServiceModel } from '../model.ts';
import { homeOf } from './home.ts';
import type { RuleBroken } from './types.ts';

/** Rules for networks with `external: true` that are on the host already, and that Steward did not make. */
export const networkRules = ['network-driver', 'shared-network'] as const;

/** What such networks may break: only a look at the host tells, so an exception for it is not called needless. */
export function mayBreak(
  { name, resources }: ServiceModel,
  models: readonly { name: string }[],
): RuleBroken[] {
  const networks = resources.filter(({ kind }) => kind === 'docker-network');
  return networks.flatMap((network): RuleBroken[] => {
    const { origin } = network;
    const place = { container: null, origin, text: network.name };
    const driver = `${name} is on ${network.name}, whatever its driver`;
    const stranger = `${name} is on ${network.name}, which is called after no service of this lab`;
    return [
      { ...place, rule: 'network-driver', message: driver },
      ...(homeOf(network.name, models) === null
        ? [{ ...place, rule: 'shared-network' as const, message: stranger }]
        : []),
    ];
  });
}
