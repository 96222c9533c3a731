import type { ResourceId } from '../desired-state/types.ts';
import { familiarName } from '../tools/image-name.ts';
import type { AppliedContainer } from './kinds/stack/reasons.ts';
import type { Change, Reason, Step } from './types.ts';
import type { Verdict, World } from './world.ts';

/**
 * A name stands for one image on a host, and compose looks at it for whole stacks. Where stacks that change in one plan
 * want different images under one name, they take turns, and each first gives the name to its own: else the last one
 * who fetched would decide for all. Pure.
 */
export function inImageTurns(
  changes: Change[],
  verdicts: ReadonlyMap<ResourceId, Verdict>,
  world: World,
): Change[] {
  const claims = changes.flatMap((change) => claimsOf(change, verdicts.get(change.id), world));
  const contended = new Set(claims.map(({ name }) => name).filter((name) => isContended(name, claims)));
  if (contended.size === 0) return changes;
  return changes.map((change) => {
    const own = claims.filter(({ by, name }) => by === change && contended.has(name));
    if (own.length === 0) return change;
    const kept = own.filter(({ moves }) => !moves);
    const [steps, reasons] = [kept.map(tagStep), kept.map(tagReason)];
    return {
      ...change,
      imageTurn: true as const,
      steps: [...steps, ...change.steps],
      reasons: [...change.reasons, ...reasons],
    };
  });
}

interface Claim {
  by: Change;
  container: string;
  /** As Docker lists it. */
  name: string;
  /** An image's id, or `registry`: whatever the registry gives out by then. */
  target: string;
  /** Whether it gives the name to its target by itself. */
  moves: boolean;
}

/** Of each name that compose will look at for this change; names with a digest cannot come to stand for anything else. */
function claimsOf(change: Change, verdict: Verdict | undefined, world: World): Claim[] {
  const stack = world.byId.get(change.id);
  if (stack?.kind !== 'compose-stack' || verdict === undefined || !('data' in verdict)) return [];
  if (!change.steps.some(({ op }) => op === 'compose-up')) return [];
  const applied = verdict.data.containers as Record<string, AppliedContainer> | undefined;
  const claims = new Map<string, Claim>();
  for (const { name: container, image, build } of stack.containers) {
    const name = familiarName(image);
    if (build || image === '' || name.includes('@') || claims.has(name)) continue;
    const moved = change.steps.flatMap((step) => targetIn(step, name));
    const kept = applied?.[container]?.image?.id ?? world.imageByName.get(name)?.id ?? 'registry';
    claims.set(name, { by: change, container, name, target: moved[0] ?? kept, moves: moved.length > 0 });
  }
  return [...claims.values()];
}

/** Which image a step gives the name to. */
function targetIn(step: Step, name: string): string[] {
  if (step.op === 'image-tag' && step.image === name) return [step.id];
  if (step.op !== 'image-pull' || (step.tag ?? step.image) !== name) return [];
  return [step.tag === null ? 'registry' : step.image];
}

function isContended(name: string, claims: Claim[]): boolean {
  const of = claims.filter((claim) => claim.name === name);
  return of.some(({ moves }) => moves) && new Set(of.map(({ target }) => target)).size > 1;
}

function tagStep({ name, target }: Claim): Step {
  return { op: 'image-tag', id: target, image: name };
}

function tagReason({ name, container }: Claim): Reason {
  const note = 'another stack brings another image under this name; this one keeps its own';
  return { field: 'image', from: null, to: name, note, container };
}
