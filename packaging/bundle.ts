import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

/**
 * What is published: all rooms and libraries in a few files, since an installed `steward` starts often and most of a
 * start is looking for modules. Node does not strip types below node_modules, so this is where the types go, too.
 */
export const root = new URL('..', import.meta.url).pathname;

/** What the code reads relative to its own file, and where the bundle finds it, seen from app/. */
const data = {
  'desired-state/compose/compose-spec.schema.json': 'app/compose-spec.schema.json',
  'cli/init/template': 'init/template',
};

/** Writes the folder `dist` anew; `programs`: name -> source file relative to the root. */
export async function bundle(
  dist: string,
  programs: Record<string, string> = { main: 'cli/main.ts' },
): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  const input = Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, join(root, file)]));
  const bundled = await rolldown({
    ...{ input, platform: 'node', plugins: [withoutUnused], logLevel: 'warn' },
    // Libraries from before ES modules; what comes out has no such variable.
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
  });
  // Names stay, for stack traces; comments go: the daemon would hold a third more of source text in memory.
  const minify = { mangle: false, compress: false, codegen: true } as const;
  await bundled.write({ dir: join(dist, 'app'), format: 'esm', minify });
  for (const [from, to] of Object.entries(data))
    cpSync(join(root, from), join(dist, to), { recursive: true });
}

/**
 * The Docker client loads these at once for what Steward never asks of it: hosts behind SSH, and builds through the API
 * (compose builds). They are two thirds of its size and of the time that it takes to load.
 */
const unused = new Set(['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs']);
const absent = '\0absent';
const withoutUnused: Plugin = {
  name: 'without-unused',
  resolveId: (id) => (unused.has(id) ? absent : null),
  load: (id) => (id === absent ? { code: 'module.exports = {};', moduleType: 'js' } : null),
};

/** Lays Steward into `dir` as the published package holds it. `more`: further programs, as for {@link bundle}. */
export async function installInto(dir: string, more: Record<string, string> = {}): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await bundle(join(dir, 'dist'), { main: 'cli/main.ts', ...more });
  for (const part of ['bin', 'schemas', 'package.json'])
    cpSync(join(root, part), join(dir, part), { recursive: true });
}
