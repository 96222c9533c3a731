import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

/** A service of one container may call that like itself. */
export const containerNames: Rule = {
  id: 'container-names',
  severity: 'warning',
  why: 'Names are one space for the whole server: `postgres` says nothing in a log, and the second one cannot be had.',
  fix: 'call it <service>-<implementation>, e.g. photo-postgres',
  check: (context) =>
    eachContainer(context, ({ container_name: own }): BrokenAt[] => {
      const service = context.folder.name;
      if (own === undefined || own === service || own.startsWith(`${service}-`)) return [];
      return [{ at: ['container_name'], message: `${own} is not called after ${service}`, text: own }];
    }),
};
