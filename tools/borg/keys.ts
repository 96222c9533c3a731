/** Keys of Borg repositories as files, and what it takes to try one out. Pure. */

/** Where Borg keeps a repository's list of archives: the only object with a fixed id. */
export const manifestId = '0'.repeat(64);

/** Modes without a key: there is nothing to export. Borg calls even `authenticated` ones by a key. */
export function hasKey(encryption: string): boolean {
  return encryption !== 'none' && encryption !== 'unknown';
}

/** What a person would type at the prompts of `borg key import --paper`: the lines without what Borg itself shows. */
export function paperLines(paper: string): string {
  const lines = paper.split('\n').flatMap((line) => /^(?:id| ?\d+): (.*)$/.exec(line)?.[1] ?? []);
  return lines.map((line) => `${line}\n`).join('');
}

/** The config file of a repository that passes for the one with this id, and has no key. */
export function configWithId(config: string, id: string): string {
  return config.replace(/^id = .*$/m, `id = ${id}`);
}
