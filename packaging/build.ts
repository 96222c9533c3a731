import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../tools/run.ts';

/** `npm pack`: Node does not strip types below node_modules, so what is published is what tsc makes of the rooms. */
const root = new URL('..', import.meta.url).pathname;
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
await runOk('tsc', ['-p', 'packaging/tsconfig.json'], { cwd: root, timeoutMs: 180_000 });
for (const data of dataFiles()) cpSync(join(root, data), join(dist, data), { recursive: true });

/** What the code reads beside itself and tsc leaves where it is. */
function dataFiles(): string[] {
  const schemas = readdirSync(join(root, 'desired-state/compose')).filter((name) => name.endsWith('.json'));
  return ['cli/init/template', ...schemas.map((name) => `desired-state/compose/${name}`)];
}
