// A clone runs the TypeScript as it is; the published package runs what packaging/bundle.ts made of it. The compile cache holds both the stripped and the compiled form: it halves the start.
import { existsSync } from 'node:fs';
import module from 'node:module';

module.enableCompileCache?.();
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `steward needs Node 24, this is ${process.versions.node}. In a clone: npm ci, then npm run steward -- …\n`,
  );
  process.exit(1);
}
const built = new URL('../dist/app/main.js', import.meta.url);
const source = new URL('../cli/main.ts', import.meta.url);
const { main } = await import((existsSync(source) ? source : built).href);
await main(process.argv);
// A timer of a library (simple-git waits half a second for a pipe that an ssh may hold) must not hold a finished command.
process.exit();
