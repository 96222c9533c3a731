import { nearComposeOrigin, type ServiceContext } from '../context.ts';
import { projectKeys } from './keys/project.ts';
import { type Keys, reasonOf, type Verdict } from './keys/verdict.ts';
import type { Broken } from './types.ts';

/**
 * Everything in a resolved compose file that is neither known to be harmless nor judged by a rule. Whoever adds a key to
 * compose adds something that nobody here has thought about: it is an error until somebody has.
 */
export function unjudged(context: ServiceContext): Broken[] {
  return unknownKeys(context.project, projectKeys).map(({ path, reason }) => ({
    container: path[0] === 'services' ? String(path[1]) : null,
    origin: nearComposeOrigin(context, path),
    message: `${ownerOf(path)} has ${keyOf(path)}${reason === null ? ', and no rule knows what it does' : `: ${reason}`}`,
  }));
}

export interface UnknownKey {
  path: string[];
  /** Why it is refused; null: nobody knows it. */
  reason: string | null;
}

export function unknownKeys(value: unknown, keys: Keys | Verdict, path: string[] = []): UnknownKey[] {
  if (typeof keys === 'string') {
    const reason = reasonOf(keys);
    return reason !== null || depth(value) > 2 ? [{ path, reason }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const known = Object.hasOwn(keys, key) ? keys[key] : keys['*'];
    if (known !== undefined) return unknownKeys(item, known, [...path, key]);
    // Extensions are for people and other programs; compose does nothing with them.
    return key.startsWith('x-') ? [] : [{ path: [...path, key], reason: null }];
  });
}

/** 0 of a plain value, 1 of a list of these. */
function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depth(item)), 0);
}

const sections: Record<string, string> = {
  networks: 'the network',
  volumes: 'the volume',
  configs: 'the config',
  secrets: 'the secret',
};

function ownerOf([section = '', name]: string[]): string {
  if (name === undefined) return 'the compose file';
  return section === 'services' ? name : `${sections[section] ?? section} ${name}`;
}

function keyOf(path: string[]): string {
  return path.length === 1 ? String(path[0]) : path.slice(2).join('.');
}
