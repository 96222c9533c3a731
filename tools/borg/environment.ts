import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { digest } from '../digest.ts';
import { quote } from '../quote.ts';
import type { BorgRepository } from './types.ts';

export interface BorgHome {
  /** Steward's state folder. Borg's cache and its memory of repositories lie in `borg` below it, nobody else's. */
  stateDir: string;
}

/** BORG_BASE_DIR: cache and security directory; a restore drill brings a state folder of its own. */
export function borgBase({ stateDir }: BorgHome): string {
  return path.join(stateDir, 'borg');
}

/**
 * The whole environment of a borg call: a BORG_* of whoever started Steward would change what borg does.
 * BORG_RELOCATED_REPO_ACCESS_IS_OK is never set: with it, an old copy of a repository would be taken for it, and
 * borg would then refuse the real one.
 */
export async function borgEnvironment(
  repository: BorgRepository,
  home: BorgHome,
): Promise<Record<string, string>> {
  const { passphraseFile, keysDirectory } = repository;
  return {
    PATH: process.env.PATH || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: process.env.HOME || '/root',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    // Borg writes local times without a zone.
    TZ: 'UTC',
    BORG_EXIT_CODES: 'modern',
    BORG_BASE_DIR: borgBase(home),
    BORG_HOST_ID: await borgHostId(home),
    BORG_RSH: remoteShell(repository),
    BORG_DISPLAY_PASSPHRASE: 'no',
    ...(passphraseFile === null ? {} : { BORG_PASSCOMMAND: `cat -- ${quote(passphraseFile)}` }),
    ...(keysDirectory === null ? {} : { BORG_KEYS_DIR: keysDirectory }),
    ...(isReadable(repository) ? { BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' } : {}),
  };
}

/** Modes that borg itself calls unencrypted: it asks before it opens one for the first time. */
function isReadable({ encryption }: BorgRepository): boolean {
  return encryption === 'none' || encryption.startsWith('authenticated');
}

/**
 * Who holds a lock, as borg writes it. Stable, unlike borg's own (name@MAC): after a change of the network card a
 * lock of our own would be a stranger's for ever. Two state folders on one machine are two hosts.
 */
export async function borgHostId({ stateDir }: BorgHome): Promise<string> {
  const machine = await readFile('/etc/machine-id', 'utf8').catch(() => hostname());
  return `steward-${digest(`${machine.trim()}\n${path.resolve(stateDir)}`).slice(0, 16)}@steward`;
}

/**
 * Never asks anything, notices a dead connection within two minutes, and dies with borg: it shares borg's view of
 * mounts and would otherwise keep a snapshot busy.
 */
function remoteShell({ identity, knownHosts }: BorgRepository): string {
  const options = ['BatchMode=yes', 'ConnectTimeout=30', 'ServerAliveInterval=30', 'ServerAliveCountMax=4'];
  if (knownHosts !== null)
    options.push('StrictHostKeyChecking=yes', `UserKnownHostsFile=${sshPath(knownHosts)}`);
  if (identity !== null) options.push('IdentitiesOnly=yes', `IdentityFile=${sshPath(identity)}`);
  const argv = ['setpriv', '--pdeathsig', 'KILL', 'ssh', ...options.flatMap((option) => ['-o', option])];
  return argv.map(quote).join(' ');
}

/** ssh splits values at blanks and expands `%`. */
function sshPath(file: string): string {
  const plain = file.replaceAll('%', '%%');
  return /\s/.test(plain) ? `"${plain}"` : plain;
}
