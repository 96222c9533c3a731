import { familiarName } from '../../../tools/image-name.ts';
import type { Named, ServiceModel } from '../../model.ts';
import { claimantsOf } from '../home.ts';
import type { Broken, Rule } from '../types.ts';

export const builtImage: Rule = {
  id: 'built-image',
  severity: 'error',
  why: 'An image stays on the server under its name: who builds one that another service runs, now or later, puts a program of its own into that service.',
  fix: 'call what is built after the service, or leave image and tags out',
  across: (models) =>
    models.flatMap((model) => model.images.built.flatMap((built) => brokenBy(built, model, models))),
};

/** By the name alone: what nobody runs today somebody may take tomorrow, and an image that is there is not pulled. */
function brokenBy(
  { name, origin }: Named,
  { name: service }: ServiceModel,
  models: readonly ServiceModel[],
): (Broken & { service: string })[] {
  const image = familiarName(name);
  const others = models.filter((model) => model.name !== service && model.images.run.includes(image));
  const [other] = others;
  const claimants = claimantsOf(lastPart(name), models);
  if (other === undefined && claimants[0] === service) return [];
  const home = claimants.includes(service) ? `which is called after ${claimants[0]}` : null;
  const why = other === undefined ? (home ?? 'which is not called after it') : `which ${other.name} runs`;
  const message = `${service} builds ${name}, ${why}`;
  const before = others.map((each) => each.name);
  const dispute = { contested: { space: 'image' as const, name: image, before } };
  return [{ service, container: null, origin, message, text: name, ...(home === null ? {} : dispute) }];
}

/** `photo-web` of `registry:5000/me/photo-web:2`. */
function lastPart(image: string): string {
  return familiarName(image)
    .replace(/^.*\//, '')
    .replace(/[:@].*$/, '');
}
