import { Complaint, emptyModel, isModel, type Model, matches, sprint, type Value } from './model.ts';
import { parseVolume } from './short-syntax.ts';

/** Compose's rules for override files (compose-go's override/merge.go and uncity.go). */
export function mergeModels(base: Model, override: Model): Model {
  return mappings(base, override, []);
}

type Merge = (base: Value, override: Value, path: string[]) => Value;

const toSequence: Merge = (base, override) => [...sequence(base), ...sequence(override)];
const replace: Merge = (_base, override) => override;
const started = (): Model => ({ condition: 'service_started', required: true });

const specials: [string[], Merge][] = [
  [['networks.*.ipam.config'], ipamConfig],
  [
    [
      ...['networks', 'volumes'].map((kind) => `${kind}.*.labels`),
      ...['annotations', 'build.args', 'build.additional_contexts', 'build.labels', 'deploy.labels', 'dns']
        .concat([
          'dns_opt',
          'dns_search',
          'env_file',
          'label_file',
          'environment',
          'labels',
          'sysctls',
          'tmpfs',
        ])
        .map((field) => `services.*.${field}`),
    ],
    toSequence,
  ],
  [['services.*.extra_hosts', 'services.*.build.extra_hosts'], extraHosts],
  [
    ['services.*.command', 'services.*.entrypoint', 'services.*.healthcheck.test', 'services.*.ulimits.*'],
    replace,
  ],
  [['services.*.build'], (base, override, path) => mappings(build(base), build(override), path)],
  [
    ['services.*.depends_on'],
    (base, override, path) => mappings(mapping(base, started), mapping(override, started), path),
  ],
  [
    ['services.*.networks'],
    (base, override, path) =>
      mappings(
        mapping(base, () => null),
        mapping(override, () => null),
        path,
      ),
  ],
  [['services.*.logging'], logging],
];

/** Merges two values at a path such as ['services', 'web']. */
export function mergeValues(base: Value, override: Value, path: string[]): Value {
  const special = specials.find(([patterns]) => patterns.some((pattern) => matches(path, pattern)));
  if (special) return special[1](base, override, path);
  if (override === null) return base;
  if (isModel(base)) {
    if (!isModel(override)) throw new Complaint(`cannot override ${path.join('.')}`);
    return mappings(base, override, path);
  }
  if (!Array.isArray(base)) return override;
  if (!Array.isArray(override)) throw new Complaint(`cannot override ${path.join('.')}`);
  return [...base, ...override];
}

function mappings(base: Model, override: Model, path: string[]): Model {
  for (const [key, value] of Object.entries(override)) {
    const known = base[key];
    const fresh = known === undefined || key.startsWith('x-');
    base[key] = fresh ? value : mergeValues(known, value, [...path, key]);
  }
  return base;
}

function sequence(value: Value): Value[] {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [value];
  if (!isModel(value)) return [];
  const pairs = Object.entries(value).flatMap(([key, item]) => {
    if (item === null) return [key];
    return (Array.isArray(item) ? item : [item]).map((each) => `${key}=${sprint(each)}`);
  });
  return pairs.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function mapping(value: Value, fallback: () => Value): Model {
  if (isModel(value)) return value;
  const items = Array.isArray(value) ? value : [];
  return Object.assign(emptyModel(), Object.fromEntries(items.map((item) => [sprint(item), fallback()])));
}

function build(value: Value): Model {
  return isModel(value) ? value : { context: value };
}

function extraHosts(base: Value, override: Value): Value {
  const known = sequence(base);
  return [...known, ...sequence(override).filter((item) => !known.includes(item))];
}

function logging(base: Value, override: Value, path: string[]): Value {
  if (!isModel(base) || !isModel(override)) throw new Complaint(`${path.join('.')} must be a mapping`);
  const same = base.driver === override.driver || base.driver === undefined || override.driver === undefined;
  return same ? mappings(base, override, path) : override;
}

function ipamConfig(base: Value, override: Value, path: string[]): Value {
  const merged = new Map<Value | undefined, Model>();
  for (const original of Array.isArray(base) ? base : []) {
    const left = mapping(original, () => null);
    for (const item of Array.isArray(override) ? override : []) {
      const right = mapping(item, () => null);
      if (right.subnet === left.subnet || merged.has(right.subnet)) {
        const both = mappings(left, right, path);
        merged.set(both.subnet, both);
      } else merged.set(right.subnet, right);
    }
  }
  return [...merged.values()];
}

type Indexer = (item: Value, where: string) => string;

const byKey: Indexer = (item, where) => {
  if (typeof item !== 'string') throw new Complaint(`${where}: unexpected type`);
  return item.split('=', 1)[0] ?? '';
};

const byMount =
  (directory: string): Indexer =>
  (item) =>
    isModel(item) ? String(item.target ?? `${directory}/${item.source}`) : `${directory}/${sprint(item)}`;

const byVolume: Indexer = (item, where) => {
  if (typeof item === 'string') return String(parseVolume(item).target);
  if (isModel(item) && typeof item.target === 'string') return item.target;
  throw new Complaint(`service volume ${where} is missing a mount target`);
};

const byDevice: Indexer = (item, where) => {
  if (typeof item === 'string') return item.split(':')[1] ?? item;
  if (isModel(item) && typeof item.target === 'string') return item.target;
  throw new Complaint(`service device ${where} is missing a mount target`);
};

const byPort: Indexer = (item, where) => {
  if (!isModel(item)) return sprint(item);
  if (item.target === undefined) throw new Complaint(`service ports ${where} is missing a target port`);
  const { host_ip: host = '0.0.0.0', published = null, target, protocol = 'tcp' } = item;
  return `${host}:${published}:${target}/${protocol}`;
};

const byPath: Indexer = (item) => (isModel(item) ? String(item.path) : sprint(item));

const keyed = ['annotations', 'build.args', 'build.additional_contexts', 'build.tags', 'build.labels'].concat(
  ['cap_add', 'cap_drop', 'deploy.labels', 'dns', 'dns_opt', 'dns_search', 'environment', 'labels', 'links'],
  ['networks.*.aliases', 'networks.*.link_local_ips', 'profiles', 'sysctls', 'tmpfs'],
);

const indexers: [string, Indexer][] = [
  ['networks.*.labels', byKey],
  ...keyed.map((field): [string, Indexer] => [`services.*.${field}`, byKey]),
  ['services.*.volumes', byVolume],
  ['services.*.devices', byDevice],
  ['services.*.configs', byMount('')],
  ['services.*.secrets', byMount('/run/secrets')],
  ['services.*.env_file', byPath],
  ['services.*.expose', (item) => sprint(item)],
  ['services.*.ports', byPort],
];

/** Of entries of a list that mean the same thing the last one stays, at the place of the first. */
export function unique(value: Value, path: string[] = []): Value {
  if (isModel(value)) {
    for (const key of Object.keys(value)) value[key] = unique(value[key] ?? null, [...path, key]);
    return value;
  }
  const indexer = Array.isArray(value) && indexers.find(([pattern]) => matches(path, pattern))?.[1];
  if (!indexer || !Array.isArray(value)) return value;
  const kept = new Map<string, Value>();
  for (const [index, item] of value.entries()) kept.set(indexer(item, `${path.join('.')}.${index}`), item);
  return [...kept.values()];
}
