/** Programs the lab needs on the machine that runs the tests. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { log } from './layer.ts';

const packageOf = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  debootstrap: 'debootstrap',
  mke2fs: 'e2fsprogs',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  tar: 'tar',
  flock: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
} as const;

const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function isInstalled(program: string): boolean {
  return searchPath.some((dir) => existsSync(join(dir, program)));
}

/**
 * Promises that every program the lab runs is there. Installs what is missing with apt where we are root
 * on Debian; throws a sentence with the command to type everywhere else.
 */
export async function ensureHostTools(): Promise<void> {
  const missing = Object.entries(packageOf).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    throw new Error(
      `The lab VM needs ${missing.map(([program]) => program).join(', ')}. ` +
        `Install them on Debian as root: apt-get install --no-install-recommends ${packages.join(' ')}`,
    );
  }
  log(`installing ${packages.join(' ')}`);
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, timeout: 10 * 60_000 };
  await execa('apt-get', ['update', '-q'], options);
  await execa('apt-get', ['install', '-qy', '--no-install-recommends', ...packages], options);
}

/**
 * The command, ended by the kernel together with the thread that starts it: kill -9 on a test run leaves
 * neither a machine nor half a build running.
 */
export function diesWithUs(...command: readonly string[]): [string, ...string[]] {
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...command];
}

/** The root file system is made with debootstrap in a chroot, which only root may do. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Error(
    'Building the lab VM needs root (debootstrap and chroot). Run `sudo node test/lab/cli.ts build`.',
  );
}

/**
 * The Debian mirror this machine's own apt uses; STEWARD_LAB_MIRROR overrides it.
 * Throws where apt knows no Debian archive.
 */
export async function debianMirror(): Promise<string> {
  if (process.env.STEWARD_LAB_MIRROR) return process.env.STEWARD_LAB_MIRROR;
  const filter = ['--format', '$(REPO_URI)', 'Label: Debian', 'Created-By: Packages'];
  const { stdout } = await execa('apt-get', ['indextargets', ...filter], { timeout: 60_000 });
  const mirror = stdout.split('\n').find((uri) => uri.startsWith('http'));
  if (mirror) return mirror;
  throw new Error(
    'apt on this machine has no Debian archive. Set STEWARD_LAB_MIRROR to the URL of a mirror.',
  );
}
