import { fileURLToPath } from 'node:url';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { loadDesiredState } from '../../desired-state/load.ts';
import type { DesiredState } from '../../desired-state/types.ts';
import { commit } from '../support/build.ts';
import { emptyHost, type Situation, settled, stacksOf } from './settled.ts';

/** The lab in services/, as it would be read from Git. */
export const scenarios: Record<string, () => Promise<Situation>> = {
  'the first run of the example lab': async () => emptyHost(await exampleLab()),
  'nothing to do in the example lab': async () => settled(await exampleLab()),
  'keys of the example lab were never exported': async () => {
    const { inventory, ...rest } = settled(await exampleLab());
    return { ...rest, inventory: { ...inventory, backups: { ...inventory.backups, keys: new Map() } } };
  },
};

async function exampleLab(): Promise<DesiredState> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const place = { root, as: '/var/lib/steward/checkout', stateDir: '/var/lib/steward', hostEnvDir: null };
  const result = await loadDesiredState({ ...place, commit, compose: builtInReader() });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  for (const stack of stacksOf(result.state))
    for (const container of stack.containers) container.configHash = `hash of ${container.name}`;
  return result.state;
}
