import { canonicalJson, digest } from '../../tools/digest.ts';
import { keyedDigest } from '../../tools/secrets/mask-key.ts';
import type { ResolvedProject } from './types.ts';

/**
 * Which values of a resolved project may be shown and stored. Anything may have been interpolated from a secret,
 * so this lists what is showable and everything else is masked: a field that compose learns tomorrow is a secret.
 */
interface Shown {
  [field: string]: true | Shown;
}

/** `*` stands for any key or index. */
const resource: Shown = { '*': { name: true, external: true, file: true, driver: true, environment: true } };
const volume: Shown = { '*': { name: true, external: true, driver: true, driver_opts: { type: true } } };
const hooks: Shown = { '*': { user: true, privileged: true } };
const mounted: Shown = { '*': { source: true, target: true, uid: true, gid: true, mode: true } };

const service: Shown = {
  image: true,
  container_name: true,
  hostname: true,
  user: true,
  restart: true,
  ports: { '*': true },
  networks: { '*': { aliases: true, ipv4_address: true, ipv6_address: true, mac_address: true } },
  network_mode: true,
  volumes: { '*': { type: true, source: true, target: true, read_only: true, bind: true, volume: true } },
  depends_on: { '*': true },
  deploy: { replicas: true },
  scale: true,
  stop_grace_period: true,
  build: {
    ...{ context: true, dockerfile: true, network: true, privileged: true, entitlements: true, tags: true },
    secrets: mounted,
  },
  healthcheck: { disable: true, test: { '0': true } },
  profiles: true,
  cap_add: true,
  cap_drop: true,
  privileged: true,
  security_opt: true,
  devices: true,
  device_cgroup_rules: true,
  pid: true,
  ipc: true,
  uts: true,
  userns_mode: true,
  cgroup: true,
  cgroup_parent: true,
  group_add: true,
  runtime: true,
  sysctls: true,
  use_api_socket: true,
  volumes_from: true,
  logging: { driver: true },
  post_start: hooks,
  pre_stop: hooks,
  configs: mounted,
  secrets: mounted,
};

const project: Shown = {
  name: true,
  services: { '*': service },
  networks: { '*': { name: true, external: true, driver: true, internal: true, ipam: true } },
  volumes: volume,
  configs: resource,
  secrets: resource,
};

/** `#` and 12 hex digits: tells a change, not the value. Without a key, who guesses the value can prove it. */
export function maskedValue(value: unknown, key?: Uint8Array): string {
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return `#${(key === undefined ? digest(text) : keyedDigest(key, text)).slice(0, 12)}`;
}

/**
 * Of a text that is compared with what it once was: with a digest of the key before it, since under another key nothing
 * can be said of a change.
 */
function comparable(text: string, key: Uint8Array | undefined): string {
  return `${maskedValue('', key)}${maskedValue(text, key)}`;
}

/** Whether two shown values are of different ones. False where that cannot be told. */
export function areOfDifferent(one: string, other: string): boolean {
  const keyOf = (value: string) => /^#[0-9a-f]{12}(?=#)/.exec(value)?.[0] ?? value.startsWith('#');
  return one !== other && keyOf(one) === keyOf(other);
}

/** The same project, every value that may be secret replaced by its digest. Names of keys and nulls stay. */
export function maskSecrets(resolved: ResolvedProject, key?: Uint8Array): ResolvedProject {
  const { name, services, networks = {}, volumes = {}, configs = {}, secrets = {}, ...rest } = resolved;
  // Sections of a newer compose stay, without values: policy has to see that they are there.
  const whole = { ...rest, name, services, networks, volumes, configs, secrets };
  const shown = masked(whole, project, key) as unknown as ResolvedProject;
  return {
    ...shown,
    services: withContexts(shown.services, services),
    volumes: withFolders(shown.volumes, volumes),
    configs: withTexts(shown.configs, configs, key),
    secrets: withTexts(shown.secrets, secrets, key),
  };
}

type Texts = ResolvedProject['configs'];

/** Where the value of `environment:` stands: an extension, since it is no key of compose. */
export const variableText = 'x-value';

/** What a container is given as a config or a secret, where it is no file; undefined where it is one. */
export function textOf(resource: Texts[string] | undefined): string | undefined {
  const text = resource?.content ?? resource?.[variableText];
  return typeof text === 'string' ? text : undefined;
}

function withTexts(shown: Texts, texts: Texts, key: Uint8Array | undefined): Texts {
  const entries = Object.entries(shown).map(([name, each]): [string, Texts[string]] => {
    const text = textOf(texts[name]);
    const at = typeof texts[name]?.content === 'string' ? 'content' : variableText;
    return [name, text === undefined ? each : { ...each, [at]: comparable(text, key) }];
  });
  return Object.fromEntries(entries);
}

type Services = ResolvedProject['services'];

/** What else is built from: an address may hold a password, and a folder of the server is what policy has to see. */
function withContexts(shown: Services, services: Services): Services {
  const entries = Object.entries(shown).map(([name, service]): [string, Services[string]] => {
    const written = Object.entries(contextsOf(services[name]?.build));
    const folders = written.filter(([, text]) => typeof text === 'string' && /^(\/|oci-layout:)/i.test(text));
    if (folders.length === 0) return [name, service];
    const contexts = { ...contextsOf(service.build), ...Object.fromEntries(folders) };
    return [name, { ...service, build: { ...service.build, additional_contexts: contexts } }];
  });
  return Object.fromEntries(entries);
}

function contextsOf(build: Services[string]['build']): Record<string, unknown> {
  return (build?.additional_contexts ?? {}) as Record<string, unknown>;
}

type Volumes = ResolvedProject['volumes'];

/** Options of a network share hold passwords. Those of one that stands for a folder say what a bind mount says. */
function withFolders(shown: Volumes, volumes: Volumes): Volumes {
  const entries = Object.entries(shown).map(([name, volume]): [string, Volumes[string]] => {
    const device = folderOf(volumes[name]);
    if (device === null) return [name, volume];
    const { o } = (volumes[name]?.driver_opts ?? {}) as { o?: unknown };
    // Other options than those of a folder are judged, and not shown.
    const options = typeof o === 'string' && isPlain(o) ? o : 'bind,***';
    return [name, { ...volume, driver_opts: { ...(volume.driver_opts as object), o: options, device } }];
  });
  return Object.fromEntries(entries);
}

/** The folder of the host that a named volume stands for; null where it is a volume, or a share. */
export function folderOf(volume: Volumes[string] | undefined): string | null {
  const { device } = (volume?.driver_opts ?? {}) as { device?: unknown };
  return isFolder(volume) && typeof device === 'string' && device.startsWith('/') ? device : null;
}

/** Options of a bind mount that are about this mount only. */
const plainOptions = /^(r?bind|r[ow]|no(atime|dev|exec|suid))$/;

export function isPlain(options: string): boolean {
  return options.split(',').every((option) => plainOptions.test(option));
}

function isFolder(volume: Volumes[string] | null | undefined): boolean {
  const { o } = (volume?.driver_opts ?? {}) as { o?: unknown };
  return typeof o === 'string' && o.split(',').some((option) => /^r?bind$/.test(option.trim()));
}

function masked(value: unknown, shown: true | Shown | undefined, key: Uint8Array | undefined): unknown {
  if (shown === true || value === null) return value;
  if (Array.isArray(value)) return value.map((item, index) => masked(item, below(shown, String(index)), key));
  if (typeof value !== 'object') return maskedValue(value, key);
  const entries = Object.entries(value).map(([name, item]) => [name, masked(item, below(shown, name), key)]);
  return Object.fromEntries(entries);
}

/** Texts of a project as written that would be shown as they are once they are resolved: path and text. */
export function shownTexts(written: unknown): { path: string[]; text: string }[] {
  const found: { path: string[]; text: string }[] = [];
  const visit = (value: unknown, shown: true | Shown | undefined, path: string[]): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value))
        visit(item, shown === true ? true : below(shown, name), [...path, name]);
    } else if (typeof value === 'string') {
      const text = shown === undefined ? nameIn(value, path) : isShellTest(path) ? null : value;
      if (text !== null) found.push({ path, text });
    }
  };
  visit(written, project, []);
  return [...found, ...shownFolders(written)];
}

/** All names in a resolved project: they are shown, also those that were values in a list before. */
export function shownNames(resolved: unknown, path: string[] = []): { path: string[]; text: string }[] {
  if (typeof resolved !== 'object' || resolved === null) return [];
  return Object.entries(resolved).flatMap(([name, item]) => [
    ...(Array.isArray(resolved) ? [] : [{ path: [...path, name], text: name }]),
    ...shownNames(item, [...path, name]),
  ]);
}

/** Maps that may be written as a list of `NAME=value`: the name is interpolated like the value, and then a name. */
const keyed = ['environment', 'labels', 'annotations', 'sysctls', 'args', 'additional_contexts'];

function nameIn(text: string, path: readonly string[]): string | null {
  if (!/^\d+$/.test(path.at(-1) ?? '') || !keyed.includes(path.at(-2) ?? '')) return null;
  return /^(?:\$\{[^}]*\}|[^=])*/.exec(text)?.[0] ?? null;
}

function shownFolders(written: unknown): { path: string[]; text: string }[] {
  const { volumes } = (written ?? {}) as { volumes?: Volumes | null };
  return Object.entries(volumes ?? {}).flatMap(([name, volume]) => {
    const { device } = (volume?.driver_opts ?? {}) as { device?: unknown };
    if (typeof device !== 'string' || !isFolder(volume)) return [];
    return [{ path: ['volumes', name, 'driver_opts', 'device'], text: device }];
  });
}

/** As one text it becomes `[CMD-SHELL, …]`, of which only the first word is shown. */
function isShellTest(path: readonly string[]): boolean {
  return path.length === 4 && path[2] === 'healthcheck' && path[3] === 'test';
}

function below(shown: Shown | undefined, key: string): true | Shown | undefined {
  if (shown === undefined) return undefined;
  return (Object.hasOwn(shown, key) ? shown[key] : undefined) ?? shown['*'];
}
