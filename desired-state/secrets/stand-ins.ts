import type { ComposeSource } from '../compose/sources.ts';

/**
 * Where an encrypted file cannot be opened, every variable without a default of its own gets this in its place, unless a
 * readable file sets it: datasets, networks, routes and backups of the service stay known, only its containers wait.
 */
export const standIn = 'steward-has-not-opened-this';

/** `$NAME`, `${NAME}` and `${NAME:?…}`, not `${NAME:-default}`. */
const variable = /(?<!\$)(?:\$\$)*\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:\}|:?\?))/g;

/** As the text of an environment file that all others win over. */
export function standInText(sources: readonly ComposeSource[]): string {
  const names = sources.flatMap(({ text }) =>
    [...text.matchAll(variable)].map((match) => match[1] ?? match[2]),
  );
  return [...new Set(names)].map((name) => `${name}=${standIn}\n`).join('');
}
