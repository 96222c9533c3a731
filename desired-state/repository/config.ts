import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Source } from './source.ts';
import type { RepositoryOptions } from './types.ts';

/**
 * Answers git's question for a password out of STEWARD_GIT_* (git.ts): neither argv nor this file holds a secret.
 */
const helper =
  '!f() { test "$1" = get || exit 0; printf \'username=%s\\n\' "$STEWARD_GIT_USERNAME"; ' +
  'if test -n "$STEWARD_GIT_TOKEN_FILE"; then printf \'password=%s\\n\' "$(head -n 1 "$STEWARD_GIT_TOKEN_FILE")"; ' +
  'else printf \'password=%s\\n\' "$STEWARD_GIT_PASSWORD"; fi; }; f';

/** Flaws in the history of many honest repositories; without them fsckObjects refuses what harms nobody. */
const oldFlaws = [
  'zeroPaddedFilemode',
  'missingSpaceBeforeDate',
  'badTimezone',
  'missingEmail',
  'badEmail',
  'missingSpaceBeforeEmail',
];

/**
 * The only configuration that git sees besides the store's own: nothing that comes with a repository runs (hooks,
 * filters, submodules, other transports). A file rather than `-c`, because git drops `-c` for the upload-pack that
 * it starts on a local repository, and safe.directory must reach that.
 */
export async function gitConfig(options: RepositoryOptions, source: Source): Promise<string> {
  const caFile = options.credentials?.caFile;
  const lines: [string, [string, string][]][] = [
    ['core', [['hooksPath', '/dev/null'], ['attributesFile', '/dev/null'], ['excludesFile', '/dev/null'], ['symlinks', 'true'],
      ['fsmonitor', 'false'], ['autocrlf', 'false'], ['quotePath', 'false'], ['fsync', 'all'], ['protectNTFS', 'false']]],
    ['init', [['templateDir', ''], ['defaultBranch', 'main']]],
    ['protocol', [['allow', 'never']]],
    ...['file', 'ssh', 'http', 'https'].map((name): [string, [string, string][]] => [`protocol "${name}"`, [['allow', 'always']]]),
    ['transfer', [['fsckObjects', 'true']]],
    ['fetch "fsck"', oldFlaws.map((flaw): [string, string] => [flaw, 'ignore'])],
    ['gc', [['autoDetach', 'false'], ['autoPackLimit', '50']]],
    ['maintenance', [['autoDetach', 'false']]],
    ['submodule', [['recurse', 'false']]],
    // An S/MIME signature would be judged by whatever certificates this machine trusts.
    ['gpg "x509"', [['program', '/bin/false']]],
    ['advice', [['detachedHead', 'false']]],
    ['safe', (await safeDirectories(source)).map((directory): [string, string] => ['directory', directory])],
    ['http', [['lowSpeedLimit', '1'], ['lowSpeedTime', '30'], ...(caFile === undefined ? [] : [['sslCAInfo', caFile] as [string, string]])]],
    ...credentialLines(options, source),
  ]; // biome-ignore format: a table
  return lines
    .map(([section, values]) =>
      section === ''
        ? ''
        : `[${section}]\n${values.map(([key, value]) => `\t${key} = ${escaped(value)}\n`).join('')}`,
    )
    .join('');
}

function credentialLines(options: RepositoryOptions, source: Source): [string, [string, string][]][] {
  const has =
    options.credentials?.tokenFile !== undefined ||
    source.urlPassword !== null ||
    source.urlUsername !== null;
  if (source.httpOrigin === null || !has) return [];
  return [[`credential "${source.httpOrigin}"`, [['helper', helper]]]];
}

/** A local repository usually belongs to whom the Git server runs as, which git refuses unless it is named. */
async function safeDirectories(source: Source): Promise<string[]> {
  if (source.localPath === null) return [];
  const real = await realpath(source.localPath).catch(() => source.localPath as string);
  return [
    ...new Set([source.localPath, real].flatMap((file) => [file, path.join(file, '.git'), `${file}.git`])),
  ];
}

function escaped(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
