import { type BrokenAt, eachContainer, isRoot } from '../containers.ts';
import type { Rule } from '../types.ts';

export const rootUser: Rule = {
  id: 'root-user',
  severity: 'warning',
  why: 'Root in a container is one mistake of the kernel away from the server, and owns every file that it writes.',
  fix: 'write the user that the image is made for, e.g. user: "1000:1000"',
  check: (context) =>
    eachContainer(context, ({ user }, name): BrokenAt[] => {
      if (user === undefined || user === '') {
        const message = `${name} names no user, so it runs as its image says, in most images as root`;
        return [{ at: [], message }];
      }
      if (!isRoot(user)) return [];
      return [{ at: ['user'], message: `${name} runs as root`, text: user }];
    }),
};
