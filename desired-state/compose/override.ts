import { stringify } from 'yaml';

/**
 * The generated override file: labels only. The executor writes the very same text to a file for `up`, and the
 * hash is computed from it, so one function makes it for both. `$` is doubled: compose interpolates overrides too.
 */
export function overrideYaml(extraLabels: Record<string, Record<string, string>>): string {
  const services = Object.fromEntries(
    Object.entries(extraLabels).map(([name, labels]) => [name, { labels: escaped(labels) }]),
  );
  return stringify({ services });
}

function escaped(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key, value.replaceAll('$', '$$$$')]),
  );
}
