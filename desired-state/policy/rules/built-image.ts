import { familiarName } from '../../../tools/image-name.ts';
import type { Rule } from '../types.ts';

export const builtImage: Rule = {
  id: 'built-image',
  severity: 'error',
  why: 'Who builds an image under the name that another service runs puts a program of its own into that service.',
  fix: 'call what is built after the service, or leave image and tags out',
  across: (models) =>
    models.flatMap(({ name: service, images }) =>
      images.built.flatMap(({ name, origin }) => {
        const other = models.find(
          (model) => model.name !== service && model.images.run.includes(familiarName(name)),
        );
        if (other === undefined) return [];
        const message = `${service} builds ${name}, which ${other.name} runs`;
        return [{ service, container: null, origin, message, text: name }];
      }),
    ),
};
