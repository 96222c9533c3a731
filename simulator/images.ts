import type { ObservedImage } from '../observers/types.ts';
import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import { digest } from '../tools/digest.ts';
import { familiarName } from '../tools/image-name.ts';
import type { Action } from './actions.ts';
import { checkDocker } from './guards.ts';
import type { World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** A registry gives each name the same image for ever; what a name stands for on this host may change. */
export function imageId(world: World, image: string): string {
  return world.images.get(familiarName(image)) ?? `sha256:${digest(image)}`;
}

/** What was fetched or named, and what containers were made from. */
export function observeImages(world: World): ObservedImage[] {
  const byId = new Map<string, Set<string>>();
  const add = (id: string, names: string[]) => {
    const known = byId.get(id) ?? new Set();
    for (const name of names) known.add(name);
    byId.set(id, known);
  };
  for (const [name, id] of world.images.entries()) add(id, [name]);
  for (const { image } of world.containers.values()) {
    const name = familiarName(image);
    add(imageId(world, image), world.images.get(name) === undefined ? [name] : []);
  }
  return [...byId].map(([id, names]) => ({ id, tags: [...names].sort(), digests: [] }));
}

export function pullStep(world: World, { image, tag }: StepOf<'image-pull'>): Action[] {
  checkDocker(world);
  if (world.behaviours.get(image)?.pullFails)
    throw new StepError(`image ${image} was not pulled: Docker says: manifest for ${image} not found`);
  return [() => world.images.set(tag ?? image, `sha256:${digest(image)}`)];
}

export function tagStep(world: World, { id, image }: StepOf<'image-tag'>): Action[] {
  checkDocker(world);
  return [() => world.images.set(image, id)];
}
