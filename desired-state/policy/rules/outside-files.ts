import { outsideFiles as find } from '../outside-files.ts';
import type { Rule } from '../types.ts';

export const outsideFiles: Rule = {
  id: 'outside-files',
  severity: 'error',
  why: 'Compose opens files as root: what it reads outside of the repository is no longer what Git says, and may be a password of the server.',
  fix: 'put the file into the repository, and name it without variables',
  check: (context) => find({ ...context, name: context.folder.name }),
};
