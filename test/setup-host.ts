import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { run } from '../tools/run.ts';

/** Debian packages that the tests need besides Node: who uses them is said beside each. */
const packages: [name: string, program: string, use: string][] = [
  ['git', 'git', 'the config repository'],
  ['openssh-server', '/usr/sbin/sshd', 'a repository over SSH'],
  ['openssh-client', 'ssh-keygen', 'a repository over SSH'],
  ['openssl', 'openssl', 'a repository over HTTPS'],
  ['prometheus', 'promtool', 'promtool check metrics'],
  ['borgbackup', 'borg', 'steps of backups on local folders'],
  ['caddy', 'caddy', 'routes in a real Caddy'],
  ['bind9', '/usr/sbin/named', 'DNS records in a real BIND'],
  ['bind9-dnsutils', 'nsupdate', 'DNS records in a real BIND'],
  ['dnsmasq-base', '/usr/sbin/dnsmasq', 'DNS records in a real dnsmasq'],
  ['age', 'age', 'secrets that the real program opens and writes'],
  ['python3-pyfuse3', '/usr/lib/python3/dist-packages/_pyfuse3.py', 'archives that are mounted'],
  ['qemu-system-x86', 'qemu-system-x86_64', 'the lab VM'],
  ['qemu-utils', 'qemu-img', 'the lab VM'],
  ['debootstrap', 'debootstrap', 'the lab VM'],
  ['socat', 'socat', 'the lab VM'],
  ['zstd', 'zstd', 'the lab VM'],
  ['e2fsprogs', '/usr/sbin/mke2fs', 'the lab VM'],
];

/** Installs what is missing where it can (root on Debian). Returns one sentence for each thing that it could not. */
export async function setUpHost(): Promise<string[]> {
  const missing = [];
  for (const entry of packages) if (!(await has(entry[1]))) missing.push(entry);
  if (missing.length === 0) return [];
  const names = missing.map(([name]) => name);
  if (userInfo().uid === 0 && isDebian()) await install(names);
  const absent = [];
  for (const entry of missing) if (!(await has(entry[1]))) absent.push(entry);
  return absent.map(([name, program, use]) => `${program} is missing (${use}): apt-get install ${name}`);
}

async function install(names: string[]): Promise<void> {
  process.stdout.write(`setting up: apt-get install ${names.join(' ')}\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' };
  await run('apt-get', ['update', '-q'], { timeoutMs: 5 * 60_000 });
  const args = ['install', '-y', '-q', '--no-install-recommends', ...names];
  const result = await run('apt-get', args, { timeoutMs: 15 * 60_000, env });
  if (result.exitCode !== 0) process.stderr.write(result.stderr);
}

async function has(program: string): Promise<boolean> {
  const result = await run('sh', ['-c', 'command -v "$1" || test -e "$1"', 'sh', program]);
  return result.exitCode === 0;
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
