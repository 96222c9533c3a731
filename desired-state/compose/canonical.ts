import path from 'node:path';
import { Complaint, emptyModel, isModel, type Model, matches, sprint, type Value } from './model.ts';
import { cleanPath, parseDevice, parsePorts, parseVolume } from './short-syntax.ts';

type Rule = (value: Value, path: string[]) => Value;

const started = (): Model => ({ condition: 'service_started', required: true });
const list: Rule = (value) => (typeof value === 'string' ? [value] : value);
const source: Rule = (value) => (typeof value === 'string' ? { source: value } : value);
const named = (items: Value[], value: () => Value): Model =>
  Object.assign(emptyModel(), Object.fromEntries(items.map((item) => [sprint(item), value()])));

/** Short syntax -> long syntax (compose-go's transform/canonical.go). The first rule that fits ends the walk. */
const rules: [string, Rule][] = [
  [
    'services.*.build',
    (value, at) => inside(typeof value === 'string' ? { context: value } : value, rules, at),
  ],
  ['services.*.build.secrets.*', source],
  ['services.*.build.additional_contexts', additionalContexts],
  ['services.*.depends_on', dependsOn],
  ['services.*.env_file', (value) => (Array.isArray(value) ? value : [value]).map(envFile)],
  ['services.*.label_file', list],
  ['services.*.extends', (value) => (typeof value === 'string' ? { service: value } : value)],
  ['services.*.gpus', (value) => (typeof value === 'string' ? [{ count: 'all' }] : value)],
  ['services.*.networks', (value) => (Array.isArray(value) ? named(value, () => null) : value)],
  ['services.*.volumes.*', volume],
  ['services.*.dns', list],
  ['services.*.devices.*', (value) => (typeof value === 'string' ? parseDevice(value) : value)],
  ['services.*.secrets.*', source],
  ['services.*.configs.*', source],
  ['services.*.ports', ports],
  ...['volumes.*', 'networks.*', 'secrets.*', 'configs.*'].map((at): [string, Rule] => [at, maybeExternal]),
];

/** Default values (compose-go's transform/defaults.go). */
const defaults: [string, Rule][] = [
  ['services.*.build', (value) => withDefault(value, 'context', '.')],
  [
    'services.*.secrets.*',
    (value) => withDefault(value, 'target', `/run/secrets/${isModel(value) ? value.source : ''}`),
  ],
  ['services.*.ports.*', (value) => withDefault(withDefault(value, 'protocol', 'tcp'), 'mode', 'ingress')],
  ['services.*.deploy.resources.reservations.devices.*', deviceCount],
  ['services.*.gpus.*', deviceCount],
];

export function canonical(model: Model): Model {
  return walk(model, rules, []) as Model;
}

export function withDefaults(model: Model): Model {
  return walk(model, defaults, []) as Model;
}

function walk(value: Value, table: [string, Rule][], at: string[]): Value {
  const rule = table.find(([pattern]) => matches(at, pattern));
  return rule ? rule[1](value, at) : inside(value, table, at);
}

function inside(value: Value, table: [string, Rule][], at: string[]): Value {
  if (Array.isArray(value)) return value.map((item) => walk(item, table, [...at, '[]']));
  if (!isModel(value)) return value;
  for (const key of Object.keys(value)) value[key] = walk(value[key] ?? null, table, [...at, key]);
  return value;
}

function withDefault(value: Value, key: string, fallback: Value): Value {
  if (isModel(value) && value[key] === undefined) value[key] = fallback;
  return value;
}

function deviceCount(value: Value): Value {
  return isModel(value) && value.device_ids === undefined ? withDefault(value, 'count', 'all') : value;
}

function additionalContexts(value: Value, at: string[]): Value {
  if (!Array.isArray(value)) return value;
  const pairs = value.map((item) => {
    const [, key, context] = /^([^=]*)=(.*)$/s.exec(sprint(item)) ?? [];
    if (key === undefined) {
      throw new Complaint(`${at.join('.')}: invalid value ${sprint(item)}, expected key=value`);
    }
    return [key, context];
  });
  return Object.fromEntries(pairs) as Model;
}

function dependsOn(value: Value, at: string[]): Value {
  if (Array.isArray(value)) return named(value, started);
  if (!isModel(value)) return value;
  for (const [key, item] of Object.entries(value)) {
    if (!isModel(item)) throw new Complaint(`${at.join('.')}.${key}: unsupported value`);
    withDefault(withDefault(item, 'condition', 'service_started'), 'required', true);
  }
  return value;
}

function envFile(value: Value): Value {
  return isModel(value) ? withDefault(value, 'required', true) : { path: value, required: true };
}

function volume(value: Value): Value {
  if (typeof value !== 'string') return value;
  const parsed = parseVolume(value);
  return { ...parsed, target: cleanPath(String(parsed.target)) };
}

function ports(value: Value, at: string[]): Value {
  if (!Array.isArray(value)) throw new Complaint(`${at.join('.')}: invalid type for port`);
  return value.flatMap((item) => (isModel(item) ? [item] : parsePorts(sprint(item))));
}

function maybeExternal(value: Value, at: string[]): Value {
  if (!isModel(value)) return value;
  const inner = inside(value, rules, at) as Model;
  const external = inner.external;
  if (!isModel(external)) return inner;
  if (inner.name !== undefined && external.name !== undefined && inner.name !== external.name) {
    throw new Complaint(`${at.join('.')}: name and external.name conflict; only use name`);
  }
  return { ...inner, external: true, name: inner.name ?? external.name ?? null };
}

/** Relative paths of a canonical model made absolute (compose-go's paths/resolve.go). */
export function absolutePaths(model: Model, directory: string, home: string): Model {
  const join = (value: Value): Value => {
    if (typeof value !== 'string' || value === '') return value;
    const expanded = value.replace(/^~(?=\/|$)/, home);
    return path.isAbsolute(expanded) || /^[A-Za-z]:[\\/]/.test(expanded)
      ? expanded
      : path.join(directory, expanded);
  };
  const remote = /^(?:https?:|git:|ssh:|git@|github\.com\/|service:|docker-image:|oci-layout:|target:)/;
  const context: Rule = (value) => (typeof value === 'string' && remote.test(value) ? value : join(value));
  return walk(
    model,
    [
      ['services.*.build.context', context],
      ['services.*.build.additional_contexts.*', context],
      ['services.*.env_file.*.path', join],
      ['services.*.label_file.*', join],
      ['services.*.develop.watch.*.path', join],
      ['services.*.volumes.*', (value) => bindSource(value, join)],
      ['configs.*.file', join],
      ['secrets.*.file', join],
      ['volumes.*', (value) => bindDevice(value, join)],
    ],
    [],
  ) as Model;
}

function bindSource(value: Value, join: (value: Value) => Value): Value {
  if (!isModel(value) || value.type !== 'bind') return value;
  if (value.source === undefined) {
    throw new Complaint('invalid mount config for type "bind": field Source must not be empty');
  }
  return { ...value, source: join(value.source) };
}

function bindDevice(value: Value, join: (value: Value) => Value): Value {
  if (!isModel(value) || value.driver !== 'local' || !isModel(value.driver_opts)) return value;
  const options = value.driver_opts;
  if (options.o === 'bind' && options.device !== undefined) options.device = join(options.device);
  return value;
}
