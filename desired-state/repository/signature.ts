import type { Git } from './git.ts';
import type { Signers } from './signers.ts';

/** `%G?` of git-log(1) -> what is wrong with the signature. G alone, by an allowed key, is good. */
const flaws: Record<string, (key: string) => string> = {
  N: () => 'it is not signed',
  B: (key) => `its signature${by(key)} does not fit its content`,
  U: (key) => `it is signed${by(key)}, which is not an allowed signer`,
  E: (key) => `it is signed${by(key)}, which is not an allowed signer`,
  X: (key) => `its signature${by(key)} has expired`,
  Y: (key) => `it is signed${by(key)}, which has expired`,
  R: (key) => `it is signed${by(key)}, which was revoked`,
};

/** Why the commit may not be applied, as the end of a sentence; null where an allowed key has signed it. */
export async function signatureFlaw(
  git: Git,
  gitDir: string,
  commitId: string,
  { sshFile, gpgHome }: Signers,
): Promise<string | null> {
  const settings = ['-c', `gpg.ssh.allowedSignersFile=${sshFile}`];
  const args = [...settings, 'log', '-1', '--no-show-signature', '--format=%G?%x00%GK', commitId, '--'];
  const printed = await git(args, { gitDir, where: gitDir, gpgHome });
  const [letter = '', key = ''] = printed.trimEnd().split('\0');
  if (letter === 'G') return null;
  return flaws[letter]?.(key) ?? `git cannot judge its signature (${letter})`;
}

function by(key: string): string {
  return key === '' ? '' : ` by the key ${key}`;
}
