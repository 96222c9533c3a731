import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** An executable shell script in the place of a tool; `$LOG` in it is the file that `calls` reads. */
export function fakeTool(script: string): { command: string; folder: string; calls(): string[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'fake-tool-'));
  const command = path.join(folder, 'tool');
  const log = path.join(folder, 'log');
  writeFileSync(log, '');
  writeFileSync(command, `#!/bin/sh\nLOG=${log}\nSTATE=${folder}\n${script}\n`);
  chmodSync(command, 0o755);
  return { command, folder, calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean) };
}
