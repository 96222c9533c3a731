import { readFileSync } from 'node:fs';

/** The package's version: one folder up in a clone, two in the published package (dist/app). */
export function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string })
        .version;
    } catch {
      // Not this one.
    }
  }
  return 'unknown';
}
