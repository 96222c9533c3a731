import type { ServiceContext } from '../../context.ts';
import { plainSecrets as find } from '../../secrets/plain.ts';
import type { Rule } from '../types.ts';

export const plainSecrets: Rule = {
  id: 'plain-secrets',
  severity: 'warning',
  why: 'What is in Git is in every clone and in its history for ever, and whoever reads it has the password.',
  fix: 'put it into .env.age with steward secrets edit, or into /etc/steward/env on the server, and make a new one',
  check: (context) =>
    filesOf(context).flatMap((file) => {
      const bytes = context.files.read(file)?.bytes;
      const text = bytes === undefined ? '' : new TextDecoder().decode(bytes);
      return find(file, text).map(({ line, column, what }) => ({
        container: null,
        origin: { file, line, column },
        message: `${what} stands in Git`,
      }));
    }),
};

function filesOf({ folder }: ServiceContext): string[] {
  const names = [...folder.composeFiles, ...(folder.hasEnv ? ['.env'] : [])];
  return names.map((name) => `${folder.folder}/${name}`);
}
