import type { YamlFile, YamlPath } from './locate.ts';
import { errorAt } from './problems.ts';
import { nearest, quote } from './schema/explain.ts';
import {
  isKnownProperty,
  propertyNameProblem,
  propertyValue,
  zfsPropertyNames,
} from './schema/zfs-properties.ts';
import type { Origin, Problem } from './types.ts';

export interface DeclaredProperties {
  /** In the form `zfs get -p` prints. */
  values: Record<string, string>;
  origins: Record<string, Origin>;
  problems: Problem[];
}

/** Checks the ZFS properties at `path` of a file. */
export function readProperties(
  yaml: YamlFile,
  path: YamlPath,
  declared: Record<string, string | number | boolean> | undefined,
): DeclaredProperties {
  const result: DeclaredProperties = { values: {}, origins: {}, problems: [] };
  for (const [name, value] of Object.entries(declared ?? {})) {
    const at = [...path, name];
    const nameProblem = checkName(yaml, at, name);
    if (nameProblem) {
      result.problems.push(nameProblem);
      continue;
    }
    const checked = propertyValue(name, String(value));
    if (checked.ok) {
      result.values[name] = checked.value;
      result.origins[name] = yaml.at(at);
    } else {
      const text = yaml.textAt(at) ?? String(value);
      const found = `${checked.message}, found ${quote(text.replace(/^["']|["']$/g, ''))} (${name})`;
      result.problems.push(errorAt(yaml.at(at), found, checked.fix, text));
    }
  }
  return result;
}

function checkName(yaml: YamlFile, at: YamlPath, name: string): Problem | undefined {
  const problem = propertyNameProblem(name);
  if (problem) return errorAt(yaml.atKey(at), problem.message, problem.fix, name);
  if (isKnownProperty(name)) return undefined;
  const near = nearest(name, zfsPropertyNames);
  const fix = near
    ? `write ${near}`
    : `use one of ${zfsPropertyNames.join(', ')}, or a user property such as lab:${name}`;
  return errorAt(yaml.atKey(at), `unknown ZFS property ${quote(name)}`, fix, name);
}
