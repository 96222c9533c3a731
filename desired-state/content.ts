import path from 'node:path';
import type { ResolvedService } from './compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from './context.ts';
import { dockerIgnore } from './docker-ignore.ts';
import { isBelow, treeBounds } from './files.ts';
import { bindMounts } from './mounts.ts';
import { errorAt, warningAt } from './problems.ts';
import { quote } from './schema/explain.ts';
import type { Origin, Problem } from './types.ts';

/** Repository files that a container sees or is built from. */
export interface Content {
  /** Compose service -> repository path -> digest. */
  files: Record<string, Record<string, string>>;
  problems: Problem[];
}

interface Source {
  container: string;
  /** Relative to the root of the repository. */
  file: string;
  origin: Origin;
  use: 'mount' | 'config' | 'secret' | 'build';
}

/** Digests of the repository files behind bind mounts, `configs:`, `secrets:` and build contexts. */
export async function repositoryContent(context: ServiceContext): Promise<Content> {
  const content: Content = { files: {}, problems: escapingMounts(context) };
  for (const source of sources(context)) {
    const { files, problem } = await digestSource(context, source);
    if (problem) content.problems.push(problem);
    if (Object.keys(files).length === 0) continue;
    content.files[source.container] = { ...content.files[source.container], ...files };
  }
  return content;
}

function sources(context: ServiceContext): Source[] {
  const { services } = context.project;
  const mounted = bindMounts(context).map(({ container, source, origin }) => ({
    container,
    file: source,
    origin,
    use: 'mount' as const,
  }));
  const others = Object.entries(services).flatMap(([container, service]) => [
    ...configSources(context, container, service),
    ...buildSources(context, container, service),
  ]);
  return [...mounted, ...others].flatMap((source) => {
    const file = repositoryPath(context, source.file);
    return file === undefined ? [] : [{ ...source, file }];
  });
}

/** Relative to the repository's root; undefined for what lies elsewhere. */
function repositoryPath(context: ServiceContext, absolute: string): string | undefined {
  if (!absolute.startsWith('/')) return undefined;
  const file = path.posix.normalize(absolute);
  if (!isBelow(file, context.view.as)) return undefined;
  return path.posix.relative(context.view.as, file) || '.';
}

function configSources(context: ServiceContext, container: string, service: ResolvedService): Source[] {
  return (['configs', 'secrets'] as const).flatMap((part) =>
    (service[part] ?? []).flatMap(({ source }) => {
      const file = context.project[part]?.[source]?.file;
      const origin = nearComposeOrigin(context, [part, source, 'file']);
      const use = part === 'secrets' ? ('secret' as const) : ('config' as const);
      return file === undefined ? [] : [{ container, file, origin, use }];
    }),
  );
}

function buildSources(context: ServiceContext, container: string, service: ResolvedService): Source[] {
  const file = service.build?.context;
  if (file === undefined) return [];
  return [
    { container, file, origin: nearComposeOrigin(context, ['services', container, 'build']), use: 'build' },
  ];
}

async function digestSource(
  context: ServiceContext,
  source: Source,
): Promise<{ files: Record<string, string>; problem?: Problem }> {
  const state = context.files.state(source.file);
  if (state === 'absent') return { files: {}, problem: absent(source) };
  if (state === 'special') return { files: {} };
  const skip = source.use === 'build' ? await dockerIgnore(context.files, source.file) : undefined;
  const tree = context.files.tree(source.file, skip);
  if (tree.ok) return { files: source.use === 'secret' ? marked(tree.files) : tree.files };
  return { files: {}, problem: tree.reason === 'outside' ? leaving(source, tree.path) : tooLarge(source) };
}

/** As with fields: what begins with # may be secret, and is never shown. */
function marked(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([file, digest]) => [file, `#${digest}`]));
}

/** A warning, since compose accepts it too: Docker makes an empty directory there. */
function absent(source: Source): Problem {
  if (source.use !== 'mount') {
    return warningAt(source.origin, `${source.file} is not in the repository`, 'add the file', source.file);
  }
  const message = `${source.file} is not in the repository: data written there lies in the checkout, on no dataset and in no backup`;
  return warningAt(source.origin, message, 'mount a directory of the dataset, or add the file', source.file);
}

function leaving(source: Source, link: string): Problem {
  const message = `${quote(link)} is a symbolic link that leaves the repository`;
  return errorAt(source.origin, message, 'put the file itself into the repository', link);
}

function tooLarge(source: Source): Problem {
  const message = `${quote(source.file)} holds more than ${treeBounds.files} files or 16 MiB`;
  const fix =
    source.use === 'build'
      ? 'leave out what the image does not need in .dockerignore'
      : 'mount only the files that the container reads';
  return errorAt(source.origin, message, fix, source.file);
}

/** Relative sources are written by hand, so one that climbs out of the repository is no accident of the host. */
function escapingMounts(context: ServiceContext): Problem[] {
  return context.composeYaml.flatMap((yaml) =>
    Object.keys(context.project.services).flatMap((container) => {
      const problems: Problem[] = [];
      for (let index = 0; yaml.find(['services', container, 'volumes', index]); index += 1) {
        const at = ['services', container, 'volumes', index];
        const written = yaml.textAt([...at, 'source']) ?? yaml.textAt(at) ?? '';
        const source = written.replace(/["']/g, '').split(':', 1)[0] ?? '';
        const target = path.posix.normalize(path.posix.join(context.folder.folder, source));
        if (!source.startsWith('.') || !/^\.\.(\/|$)/.test(target)) continue;
        const fix = 'write an absolute path of the host, or one inside the repository';
        problems.push(errorAt(yaml.at(at), `${quote(source)} leaves the repository`, fix, source));
      }
      return problems;
    }),
  );
}
