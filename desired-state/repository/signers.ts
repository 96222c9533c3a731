import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../../tools/run.ts';
import { RepositoryError } from './types.ts';

/** The keys whose commits are applied, in the forms that git's two checkers read. */
export interface Signers {
  /** One file as in ALLOWED SIGNERS of ssh-keygen(1). */
  sshFile: string;
  /** A GnuPG home with these public keys and no others. */
  gpgHome: string;
  /** Of the contents of all files. */
  digest: string;
}

const armor = '-----BEGIN PGP PUBLIC KEY BLOCK-----';

/**
 * Puts together what the files hold: lines of allowed signers, or armored GPG keys. Made anew below `stateDir` when
 * one of them changes; the root's own keyring is never asked. Throws RepositoryError where one cannot be trusted.
 */
export async function readSigners(files: string[], stateDir: string): Promise<Signers> {
  const texts = await Promise.all(files.map(readTrusted));
  const digest = createHash('sha256').update(JSON.stringify(texts)).digest('hex');
  const folder = path.join(stateDir, 'signers', digest.slice(0, 16));
  const signers = { sshFile: path.join(folder, 'ssh'), gpgHome: path.join(folder, 'gpg'), digest };
  if (await isThere(folder)) return signers;
  const fresh = `${folder}.new`;
  try {
    await make(fresh, files, texts);
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await removeOthers(folder);
  return signers;
}

/** Whoever may write it decides what this machine runs. */
async function readTrusted(file: string): Promise<string> {
  const { mode, uid } = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`;
    throw refusal(`${file}, which names the allowed signers, ${why}`, cause);
  });
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.()))
    throw refusal(
      `${file}, which names the allowed signers, can be written by others; chown root and chmod 644 it`,
    );
  const text = await readFile(file, 'utf8');
  if (text.trim() === '') throw refusal(`${file}, which names the allowed signers, is empty`);
  return text;
}

async function make(fresh: string, files: string[], texts: string[]): Promise<void> {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(path.join(fresh, 'gpg'), { recursive: true, mode: 0o700 });
  const lines = texts.filter((text) => !text.includes(armor));
  await writeFile(path.join(fresh, 'ssh'), `${lines.join('\n')}\n`, { mode: 0o600 });
  // The keyring holds the allowed keys alone, so that each is trusted; and nothing stays behind in the background.
  const settings = ['trust-model always', 'no-auto-key-retrieve', 'no-autostart'];
  await writeFile(path.join(fresh, 'gpg/gpg.conf'), `${settings.join('\n')}\n`, { mode: 0o600 });
  for (const [index, text] of texts.entries())
    if (text.includes(armor)) await importKeys(files[index] ?? '', path.join(fresh, 'gpg'), text);
}

async function importKeys(file: string, home: string, keys: string): Promise<void> {
  const args = ['--homedir', home, '--batch', '--quiet', '--import'];
  const { exitCode, stderr } = await run('gpg', args, { input: keys }).catch((cause: Error) => {
    throw refusal(`the GPG keys in ${file} could not be read: ${cause.message}`, cause);
  });
  if (exitCode === 0) return;
  const said = stderr.trim().split('\n')[0] ?? '';
  throw refusal(`the GPG keys in ${file} could not be read: ${said}`);
}

async function removeOthers(folder: string): Promise<void> {
  const above = path.dirname(folder);
  for (const name of await readdir(above))
    if (name !== path.basename(folder)) await rm(path.join(above, name), { recursive: true, force: true });
}

async function isThere(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => null)) !== null;
}

function refusal(message: string, cause?: unknown): RepositoryError {
  return new RepositoryError(message, { retryable: true, cause });
}
