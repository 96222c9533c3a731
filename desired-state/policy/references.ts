/** A file that a compose file names, and that compose itself opens. */
export interface Reference {
  /** As it is called in a sentence: `env_file`, `the secret db`. */
  what: string;
  target: string;
  at: (string | number)[];
  /** Name of the compose service; null for what is nobody's own. */
  container: string | null;
  /** It is a compose file itself. */
  isCompose: boolean;
  isBuild: boolean;
  /** What stands there is no text, and what compose makes of it nobody here can tell. */
  isOdd: boolean;
  /** Of an included file: the folder that its own paths start from, where it is not its own. */
  folder?: string;
}

type Place = Pick<Reference, 'at' | 'container'>;

/**
 * All files that a compose file, as plain values, makes compose open; bind mounts are not among them. Where something else
 * than text stands for a path, it is odd. Source: compose-spec.schema.json.
 */
export function references(value: unknown): Reference[] {
  const file = record(value);
  return [
    ...entries(file.services).flatMap(([name, service]) => ofService(name, record(service))),
    ...list(file.include).flatMap(([item, index]) => ofInclude(item, ['include', ...index])),
    ...entries(file.configs).flatMap(([name, each]) =>
      one(record(each).file, `the config ${name}`, { at: ['configs', name, 'file'], container: null }),
    ),
    ...entries(file.secrets).flatMap(([name, each]) =>
      one(record(each).file, `the secret ${name}`, { at: ['secrets', name, 'file'], container: null }),
    ),
  ];
}

function ofService(container: string, service: Record<string, unknown>): Reference[] {
  const at = (...rest: (string | number)[]): Place => ({ at: ['services', container, ...rest], container });
  const files = (key: 'env_file' | 'label_file') =>
    list(service[key]).flatMap(([item, index]) =>
      one(isRecord(item) ? item.path : item, key, at(key, ...index)),
    );
  return [
    ...files('env_file'),
    ...files('label_file'),
    ...one(record(service.extends).file, 'extends', at('extends', 'file'), { isCompose: true }),
    ...one(record(service.credential_spec).file, 'credential_spec', at('credential_spec', 'file')),
    ...ofBuild(service.build, at),
  ];
}

function ofBuild(build: unknown, at: (...rest: (string | number)[]) => Place): Reference[] {
  const isBuild = { isBuild: true };
  if (!isRecord(build)) return one(build, 'build', at('build'), isBuild);
  const { context, dockerfile, additional_contexts: more } = build;
  const contexts = Array.isArray(more)
    ? more.map((each, index): [string | number, unknown] => [index, String(each).replace(/^[^=]*=/, '')])
    : entries(more);
  return [
    ...one(context, 'the build context', at('build', 'context'), isBuild),
    ...ofDockerfile(context, dockerfile, at('build', 'dockerfile')),
    ...contexts.flatMap(([key, target]) =>
      one(target, 'the build context', at('build', 'additional_contexts', key), isBuild),
    ),
  ];
}

/** Compose takes it from the context, which is judged by itself: only one that leads out of it is of interest. */
function ofDockerfile(context: unknown, dockerfile: unknown, place: Place): Reference[] {
  if (typeof dockerfile !== 'string') return one(dockerfile, 'the Dockerfile', place, { isBuild: true });
  if (!/^\/|(^|\/)\.\.(\/|$)/.test(dockerfile)) return [];
  const folder = typeof context === 'string' ? context : '.';
  const target = dockerfile.startsWith('/') ? dockerfile : `${folder}/${dockerfile}`;
  return one(target, 'the Dockerfile', place, { isBuild: true });
}

function ofInclude(item: unknown, at: (string | number)[]): Reference[] {
  const compose = { isCompose: true };
  if (!isRecord(item)) return one(item, 'include', { at, container: null }, compose);
  const { path, env_file: env, project_directory: folder } = item;
  return [
    ...list(path).flatMap(([each, index]) =>
      one(
        each,
        'include',
        { at: [...at, 'path', ...index], container: null },
        {
          ...compose,
          ...(typeof folder === 'string' ? { folder } : {}),
        },
      ),
    ),
    ...list(env).flatMap(([each, index]) =>
      one(each, 'env_file', { at: [...at, 'env_file', ...index], container: null }),
    ),
    ...one(folder, 'project_directory', { at: [...at, 'project_directory'], container: null }),
  ];
}

function one(
  target: unknown,
  what: string,
  place: Place,
  kind: Partial<Pick<Reference, 'isCompose' | 'isBuild' | 'folder'>> = {},
): Reference[] {
  if (target === undefined || target === null) return [];
  const isOdd = typeof target !== 'string';
  const shown = isOdd ? (JSON.stringify(target) ?? String(target)) : target;
  return [{ what, target: shown, ...place, isCompose: false, isBuild: false, isOdd, ...kind }];
}

/** One or many, as compose takes them; the index is empty for the one. */
function list(value: unknown): [item: unknown, index: number[]][] {
  if (Array.isArray(value)) return value.map((item: unknown, index) => [item, [index]]);
  return value === undefined || value === null ? [] : [[value, []]];
}

function entries(value: unknown): [string, unknown][] {
  return Object.entries(record(value));
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
