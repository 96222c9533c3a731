import type { DesiredContainer, DesiredStack } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';
import { familiarName, registryOf, withDigest } from '../../../tools/image-name.ts';
import type { Reason, Step } from '../../types.ts';
import type { World } from '../../world.ts';
import type { AppliedContainer, AppliedImage } from './reasons.ts';

/**
 * Which image a name stands for is decided when its container is deployed, and kept: as long as Git names the same one,
 * no change of anything else brings another image, whatever the name has come to stand for on this host. Compose makes a
 * container anew as soon as its name stands for another image, also one that only something else depends on.
 */
export interface ImageWork {
  steps: Step[];
  reasons: Reason[];
  /** Why the stack cannot be deployed; null where it can. */
  obstacle: string | null;
}

type Applied = Record<string, AppliedContainer> | undefined;

/** `deployed`: names of the containers that this change makes anew. */
export function imageWork(
  stack: DesiredStack,
  deployed: ReadonlySet<string>,
  found: ObservedContainer[],
  applied: Applied,
  world: World,
): ImageWork {
  const work: ImageWork = { steps: [], reasons: [], obstacle: null };
  const seen = new Set<string>();
  for (const container of stack.containers) {
    const name = familiarName(container.image);
    if (container.build || container.image === '' || seen.has(name)) continue;
    seen.add(name);
    const kept = keptImage(container, found, applied, world);
    const isWanted = container.pull === 'always' && deployed.has(container.name);
    if (isWanted) work.steps.push(pullOf(container.image, null, world));
    else if (kept !== null) keep(container, kept, world, work);
    else if (!world.imageByName.has(name)) fetchMissing(container, world, work);
  }
  return work;
}

function keep(container: DesiredContainer, kept: AppliedImage, world: World, work: ImageWork): void {
  const name = familiarName(container.image);
  if (world.imageByName.get(name)?.id === kept.id) return;
  const note = 'the name stands for another image on this host now; the one that was deployed is kept';
  const reason: Reason = { field: 'image', from: null, to: name, note, container: container.name };
  if (world.imageByName.has(kept.id)) {
    work.steps.push({ op: 'image-tag', id: kept.id, image: name });
    work.reasons.push(reason);
  } else if (kept.digest !== null && container.pull !== 'never') {
    work.steps.push(pullOf(withDigest(container.image, kept.digest), name, world));
    work.reasons.push(reason);
  } else if (!world.imageByName.has(name)) fetchMissing(container, world, work);
}

function fetchMissing({ image, name, pull }: DesiredContainer, world: World, work: ImageWork): void {
  if (pull === 'never')
    work.obstacle ??= `image ${image} of ${name} is not on this host, and its pull_policy is never`;
  else work.steps.push(pullOf(image, null, world));
}

function pullOf(image: string, tag: string | null, { desired }: World): Step {
  const host = registryOf(image);
  const login = desired.registries[host];
  // With a digest there is no tag to be chosen; without either, Docker would pull every tag that there is.
  return {
    op: 'image-pull',
    image: familiarName(image),
    tag,
    login: login === undefined ? null : { host, ...login },
  };
}

/** Of the container that runs, or ran last, as long as Git names the image that it was made from. */
function keptImage(
  { name, image, configHash }: DesiredContainer,
  found: ObservedContainer[],
  applied: Applied,
  world: World,
): AppliedImage | null {
  const known = applied?.[name];
  if (known !== undefined && known.fields.image !== image) return null;
  const own = found.find(({ service }) => service === name);
  if (own === undefined || (known === undefined && own.configHash !== configHash))
    return known?.image ?? null;
  return { id: own.imageId, digest: digestOf(own.imageId, image, world) ?? known?.image?.digest ?? null };
}

/** What its registry calls the image; null where it was built or imported here. */
function digestOf(id: string, image: string, { imageByName }: World): string | null {
  const name = familiarName(image).replace(/[:@][^/]*$/, '');
  const digests = imageByName.get(id)?.digests ?? [];
  return digests.find((digest) => digest.startsWith(`${name}@`))?.split('@')[1] ?? null;
}

/** What the inventory is to keep of containers that are as Git says. */
export function deployedImages(
  stack: DesiredStack,
  found: ObservedContainer[],
  applied: Applied,
  world: World,
): Record<string, AppliedImage> {
  const images = stack.containers.flatMap((container) => {
    const kept = container.build ? null : keptImage(container, found, applied, world);
    return kept === null ? [] : [[container.name, kept] as const];
  });
  return Object.fromEntries(images);
}
