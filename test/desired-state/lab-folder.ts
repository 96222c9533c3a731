import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import type { ComposeReader, ComposeRequest, ResolvedProject } from '../../desired-state/compose/types.ts';
import type { LoadOptions } from '../../desired-state/load.ts';
import { loadDesiredState } from '../../desired-state/load.ts';
import { createLoadMemo } from '../../desired-state/memo.ts';
import { place } from '../../desired-state/problems.ts';
import type { DesiredState, LoadResult, Problem } from '../../desired-state/types.ts';

export const commit = {
  id: 'a'.repeat(40),
  subject: 'test',
  branch: 'main',
  committedAt: '2026-01-01T00:00:00.000Z',
};

export const smallLab =
  'version: 1\nname: homelab\nstorage: { parent: tank/services, mountpoint: /tank/services }\n';

/** A lab without backups, which is told so once any of its services has data; here nobody asks for it. */
export const uncoveredLab = `${smallLab}policy: { rules: { backup-coverage: off } }\n`;

export type Files = Record<string, string | Uint8Array>;

/** Writes files below a new directory that goes away with the returned handle. */
export async function labFolder(files: Files): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(path.join(tmpdir(), 'steward-lab-'));
  await addFiles(root, files);
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

export async function addFiles(root: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

/** Stands in for compose: reads the files as they are, makes paths absolute, and counts how often it is asked. */
/** `asked`: projects that were resolved. `hashed`: those whose hashes were asked for. */
export function stubReader(): ComposeReader & { asked: string[]; hashed: string[] } {
  const asked: string[] = [];
  const hashed: string[] = [];
  return {
    name: 'stub',
    asked,
    hashed,
    resolve: (request) => {
      asked.push(request.project);
      return Promise.resolve({ ok: true, project: resolve(request), unresolved: [] });
    },
    hashes: (request) => {
      hashed.push(request.project);
      const names = Object.keys(resolve(request).services);
      return Promise.resolve(
        Object.fromEntries(
          names.map((name) => [name, `hash of ${name} ${JSON.stringify(request.extraLabels[name] ?? {})}`]),
        ),
      );
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: compose files of tests, as they come out of the YAML library
type Loose = any;

function resolve(request: ComposeRequest): ResolvedProject {
  const project: Loose = {
    name: request.project,
    services: {},
    networks: {},
    volumes: {},
    configs: {},
    secrets: {},
  };
  for (const file of request.files) {
    const text = readFileSync(path.join(request.view.root, request.folder, file), 'utf8');
    const raw: Loose = parse(text, { merge: true }) ?? {};
    for (const part of ['services', 'networks', 'volumes', 'configs', 'secrets'])
      merge(project[part], raw[part] ?? {});
  }
  const base = path.join(request.view.as, request.folder);
  for (const service of Object.values<Loose>(project.services)) normalise(service, base);
  for (const part of ['configs', 'secrets']) {
    for (const item of Object.values<Loose>(project[part]))
      if (item.file) item.file = path.resolve(base, item.file);
  }
  return project;
}

function merge(target: Loose, source: Loose): void {
  for (const [key, value] of Object.entries<Loose>(source)) {
    if (typeof target[key] === 'object' && typeof value === 'object' && !Array.isArray(value))
      merge(target[key], value);
    else target[key] = value ?? {};
  }
}

function normalise(service: Loose, base: string): void {
  // A variable has its own name for a value.
  if (typeof service.image === 'string') service.image = service.image.replace(/\$\{(\w+)\}/g, '$1');
  service.volumes = (service.volumes ?? []).map((volume: Loose) => {
    if (typeof volume !== 'string') return volume;
    const [source = '', target = '', mode] = volume.split(':');
    const bind = /^[./]/.test(source);
    return {
      type: bind ? 'bind' : 'volume',
      source: bind ? path.resolve(base, source) : source,
      target,
      ...(mode === 'ro' ? { read_only: true } : {}),
    };
  });
  service.ports = (service.ports ?? []).map((port: string) => {
    const [published = '', target = ''] = String(port).split(':').slice(-2);
    return { target: Number(target), published, protocol: 'tcp', mode: 'ingress' };
  });
  if (Array.isArray(service.environment)) {
    service.environment = Object.fromEntries(
      service.environment.map((line: string) => line.split(/=(.*)/).slice(0, 2)),
    );
  }
  if (Array.isArray(service.networks))
    service.networks = Object.fromEntries(service.networks.map((name: string) => [name, null]));
  for (const part of ['configs', 'secrets']) {
    service[part] = (service[part] ?? []).map((item: Loose) =>
      typeof item === 'string' ? { source: item } : item,
    );
  }
  if (typeof service.build === 'string') service.build = { context: service.build };
  if (service.build) service.build.context = path.resolve(base, service.build.context);
}

export function load(root: string, options: Partial<LoadOptions> = {}): Promise<LoadResult> {
  return loadDesiredState({
    root,
    commit,
    compose: stubReader(),
    hostEnvDir: null,
    memo: createLoadMemo(),
    ...options,
  });
}

/** The state of a lab that is right; fails with its problems otherwise. */
export async function stateOf(files: Files, options: Partial<LoadOptions> = {}): Promise<DesiredState> {
  await using folder = await labFolder({ 'lab.yaml': uncoveredLab, ...files });
  return expectState(await load(folder.root, { as: '/checkout', ...options }));
}

export function expectState(result: LoadResult): DesiredState {
  if (!result.ok) throw new Error(render(result.problems).join('\n'));
  return result.state;
}

/** Problems as a person sees them. */
export async function problemsOf(files: Files, options: Partial<LoadOptions> = {}): Promise<string[]> {
  await using folder = await labFolder({ 'lab.yaml': uncoveredLab, ...files });
  const result = await load(folder.root, { as: '/checkout', ...options });
  return render(result.ok ? result.state.warnings : result.problems);
}

export function render(problems: Problem[]): string[] {
  return problems.map(
    (problem) => `${place(problem)} ${problem.severity}: ${problem.message} => ${problem.fix ?? '-'}`,
  );
}
