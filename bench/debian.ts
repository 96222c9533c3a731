import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runOk } from '../tools/run.ts';

/** What is missing is installed where that can be done without asking: root on Debian. */

export function isProgram(name: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, name)));
}

export function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Throws with a sentence that names the packages. */
export async function install(...packages: string[]): Promise<void> {
  if (!isDebian() || process.getuid?.() !== 0) throw new Error(`install ${packages.join(' and ')} first`);
  process.stderr.write(`setting up: apt-get install ${packages.join(' ')}\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' };
  await runOk('apt-get', ['update', '-q'], { timeoutMs: 120_000, env });
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  await runOk('apt-get', args, { timeoutMs: 300_000, env });
}
