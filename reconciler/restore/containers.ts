import type { ObservedContainer } from '../../observers/types.ts';
import { byName, quiescedContainer } from '../backup/change.ts';
import type { Step } from '../types.ts';

/** How a service is held still while its data is exchanged. */
export interface HeldContainers {
  names: string[];
  /** Empty where nothing runs. */
  stop: Step[];
  start: Step[];
  /** On the old data: what was not healthy on it before is not waited for. */
  startAsBefore: Step[];
}

/** One that ends and is restarted again and again writes too, and may be why there is a restore. */
const writing = ['running', 'restarting', 'paused'];

export function heldContainers(containers: ObservedContainer[]): HeldContainers {
  const held = containers.filter(({ state, oneOff }) => writing.includes(state) && !oneOff);
  if (held.length === 0) return { names: [], stop: [], start: [], startAsBefore: [] };
  const byService = Map.groupBy(held, ({ service }) => service);
  const healthy = new Set(held.filter(({ health }) => health === 'healthy').map(({ name }) => name));
  const all = held.map((container) => quiescedContainer(container, byService)).sort(byName);
  const asBefore = all.map(({ needs, ...container }) => ({
    ...container,
    needs: needs.map((need) => ({ ...need, healthy: need.healthy && healthy.has(need.name) })),
  }));
  return {
    names: all.map(({ name }) => name),
    stop: [{ op: 'containers-stop', containers: all }],
    start: [{ op: 'containers-start', containers: all }],
    startAsBefore: [{ op: 'containers-start', containers: asBefore }],
  };
}
