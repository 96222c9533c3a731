import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

export const floatingTag: Rule = {
  id: 'floating-tag',
  severity: 'warning',
  why: 'A tag without a version means another image on another day: Git cannot say what ran last week, nor bring it back.',
  fix: 'write the version that runs now, e.g. postgres:17.6',
  check: (context) =>
    eachContainer(context, ({ image, build }, name): BrokenAt[] => {
      if (image === undefined || build !== undefined || image.includes('@')) return [];
      const tag = /:([^:/]+)$/.exec(image)?.[1];
      if (tag !== undefined && /\d/.test(tag)) return [];
      const message =
        tag === undefined ? `${name} names no tag, which is latest` : `${name} floats with the tag ${tag}`;
      return [{ at: ['image'], message, text: image }];
    }),
};
