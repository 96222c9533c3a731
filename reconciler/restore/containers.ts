import type { ObservedContainer } from '../../observers/types.ts';
import type { GuardsOf } from '../backup/guards.ts';
import type { Ground, QuiescedContainer } from '../backup/step-parts.ts';
import { callWriter, foreignReasons, quiescedIn, startedBy, writersOf } from '../backup/writers.ts';
import type { Reason, Step } from '../types.ts';

/** How all that writes to a service's data is held still while it is exchanged. */
export interface HeldContainers {
  /** Also those of other services. */
  names: string[];
  /** Of the service itself. */
  own: ObservedContainer[];
  /** Empty where nothing runs. */
  stop: Step[];
  /** The service's own. */
  start: StartStep[];
  /** Those of others, once the data stays as it is. */
  startOthers: StartStep[];
  /** All of them. */
  startAll: StartStep[];
  /** All of them, on the old data: what was not healthy on it before is not waited for. */
  startAsBefore: StartStep[];
  reasons: Reason[];
}

type StartStep = Extract<Step, { op: 'containers-start' }>;

/** One that ends and is restarted again and again writes too, and may be why there is a restore. */
const writing = ['running', 'restarting', 'paused'];
const isWriting = ({ state }: ObservedContainer) => writing.includes(state);

/** `containers`: all of the host. */
export function heldContainers(
  ground: Ground,
  containers: readonly ObservedContainer[],
  guardsOf: GuardsOf,
): HeldContainers {
  const writers = writersOf(ground, containers);
  const [own, foreign] = [writers.own.filter(isWriting), writers.foreign.filter(isWriting)];
  const all = quiescedIn({ own, foreign }, guardsOf);
  const healthy = new Set(
    [...own, ...foreign].filter(({ health }) => health === 'healthy').map(({ name }) => name),
  );
  const asBefore = all.map(({ needs, ...container }) => ({
    ...container,
    needs: needs.map((need) => ({ ...need, healthy: need.healthy && healthy.has(need.name) })),
  }));
  return {
    names: all.map(({ name }) => name),
    own,
    stop: all.length === 0 ? [] : [{ op: 'containers-stop', containers: all }],
    start: started(all.filter((container) => container.foreign === undefined)),
    startOthers: started(all.filter((container) => container.foreign !== undefined)),
    startAll: started(all),
    startAsBefore: started(asBefore),
    reasons: foreignReasons(ground, foreign, 'stops'),
  };
}

function started(containers: QuiescedContainer[]): StartStep[] {
  return containers.length === 0 ? [] : [{ op: 'containers-start', containers }];
}

/** A sentence where somebody writes to the data who cannot be stopped: it is not exchanged under him. Null where nobody does. */
export function writerProblem(ground: Ground, containers: readonly ObservedContainer[]): string | null {
  const found = writersOf(ground, containers).passing.filter(isWriting);
  if (found.length === 0) return null;
  const names = found.map((container) => `${callWriter(container)} (${startedBy(container)})`).join(', ');
  const [verb, it] = found.length === 1 ? ['writes', 'it'] : ['write', 'them'];
  return `${names} ${verb} to the data of ${ground.service}, and stopping ${it} would end ${it} for good; end ${it} first`;
}
