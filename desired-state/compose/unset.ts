import type { Problem } from '../types.ts';
import { search } from './complaint.ts';
import type { ComposeSource } from './sources.ts';

/** What compose merely warns of, taken from what it prints on stderr. */
export function unsetVariables(stderr: string): string[] {
  const names = [...stderr.matchAll(/The \\?"([^"\\]+)\\?" variable is not set/g)].map(
    (match) => match[1] ?? '',
  );
  return [...new Set(names)].sort();
}

/**
 * A container that starts with an empty password is worse than none: a variable that nobody sets is an error.
 * `${NAME:-}` says that empty is meant, and compose does not warn of it.
 */
export function unsetProblems(names: string[], sources: ComposeSource[]): Problem[] {
  return names.map((name) => {
    const pattern = new RegExp(`(?<!\\$)(?:\\$\\$)*\\$\\{?${name}(?![A-Za-z0-9_])`, 'i');
    const found = sources.map((source) => search(source, pattern, 1)).find((place) => place !== undefined);
    return found === undefined
      ? inValue(sources)
      : {
          ...found,
          severity: 'error',
          message: `the variable ${name} is not set anywhere, so compose would put nothing in its place`,
          text: `\${${name}}`,
          fix: `set ${name} in .env, or write \${${name}:-} where it may be empty`,
        };
  });
}

/** What follows a `$` in a password is part of it: no word of it is told. */
function inValue(sources: ComposeSource[]): Problem {
  return {
    ...(sources[0]?.yaml.at([]) ?? { file: 'docker-compose.yml', line: 1, column: 1 }),
    severity: 'error',
    message:
      'a value of an environment file holds a $ that compose takes for a variable, and nobody sets that one',
    fix: "put the value into single quotes, as in PASSWORD='a$b', or set the variable that is meant",
  };
}
