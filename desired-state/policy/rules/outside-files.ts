import path from 'node:path';
import type { ResolvedService } from '../../compose/types.ts';
import type { ServiceContext } from '../../context.ts';
import { isBelow } from '../../files.ts';
import { type BrokenAt, eachContainer } from '../containers.ts';
import { outsideFiles as find, isOfServer } from '../outside-files.ts';
import type { Rule } from '../types.ts';

export const outsideFiles: Rule = {
  id: 'outside-files',
  severity: 'error',
  why: 'Compose opens files as root: what it reads outside of the repository is no longer what Git says, and may be a password of the server.',
  fix: 'put the file into the repository, and name it without variables',
  check: (context) => [
    ...find({ ...context, name: context.folder.name }),
    ...eachContainer(context, ({ build }) => contextsOutside(build, context)),
  ],
};

/** As compose itself has resolved them, whatever was made of the text before: nothing of them was opened yet. */
function contextsOutside(build: ResolvedService['build'], { view }: ServiceContext): BrokenAt[] {
  const { context, additional_contexts: more } = build ?? {};
  const others = typeof more === 'object' && more !== null ? Object.values(more) : [];
  return [context, ...others].flatMap((each) => {
    if (typeof each !== 'string' || !(path.posix.isAbsolute(each) || isOfServer(each))) return [];
    if ([view.as, view.root].some((root) => isBelow(path.posix.normalize(each), root))) return [];
    return [{ at: ['build'], message: `the build context ${each} is outside of the repository`, text: each }];
  });
}
