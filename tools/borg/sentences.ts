import type { BorgLog } from './log.ts';
import { BorgError, type BorgRepository } from './types.ts';

/** Exit codes of BORG_EXIT_CODES=modern (borg 1.4, `borg help` and docs/internals/frontends) as sentences. */

type Sentence = (repository: BorgRepository) => string;

const security = 'Borg remembers it below .config/borg/security in its base directory';

const sentences: Record<number, Sentence> = {
  3: () => 'borg was cancelled',
  4: () => 'borg does not take this command',
  10: ({ location }) => `there is a repository at ${location} already`,
  11: ({ location }) => `${location} is an Attic repository; upgrade it with borg upgrade`,
  12: ({ location }) => `the repository ${location} is inconsistent; run borg check --repair on it`,
  13: ({ location }) => `there is no repository at ${location}`,
  14: ({ location }) => `there is not enough free space for the repository ${location}`,
  15: ({ location }) =>
    `${location} is not a Borg repository, or one that was never finished; look at it and move it away`,
  16: ({ location }) => `the repository ${location} has a damaged config file`,
  17: ({ location }) => `data is missing in the repository ${location}; run borg check on it`,
  18: ({ location }) => `the folder above ${location} does not exist`,
  19: ({ location }) => `there is something at ${location} that is no repository; move it away`,
  20: ({ location }) => `the repository ${location} has used up its quota`,
  21: ({ location }) => `the user may not write to ${location}`,
  26: ({ location }) =>
    `the repository ${location} was begun and never finished, or has lost its manifest; look at it with borg check`,
  30: () => 'an archive of this name exists already',
  31: () => 'there is no archive of this name',
  40: ({ location }) => `the key file of ${location} is damaged`,
  41: ({ location }) => `the key file belongs to another repository than ${location}`,
  42: ({ location, keysDirectory }) =>
    `the key file of ${location} is not in ${keysDirectory ?? "Borg's keys folder"}; put it there, or import it with borg key import`,
  44: ({ location }) =>
    `the repository ${location} has lost its key; import the exported one with borg key import`,
  50: ({ location }) => `the repository ${location} wants a passphrase, and no passphraseFile is set`,
  51: ({ passphraseFile }) => `the passphrase file ${passphraseFile} could not be read by borg`,
  52: ({ location, passphraseFile }) =>
    passphraseFile === null
      ? `the repository ${location} wants a passphrase, and no passphraseFile is set`
      : `the passphrase in ${passphraseFile} is not the one of ${location}`,
  60: ({ location, encryption }) =>
    `the repository ${location} is not encrypted, although ${encryption} is declared; nothing was sent to it`,
  61: ({ location }) =>
    `the repository ${location} has another encryption than before; somebody may have exchanged it`,
  62: ({ location }) =>
    `the repository at ${location} was at another place before; if it was moved on purpose, make Borg forget that: ${security}`,
  63: ({ location }) => `two repositories have the same id as ${location}: one is a copy of the other`,
  64: ({ location }) =>
    `the repository ${location} is older than what was seen before: an old copy, or an attack. ${security}`,
  73: ({ location }) => `somebody else holds the lock of ${location}`,
  80: ({ location }) => `the connection to ${location} was closed`,
  81: ({ location }) => `the connection to ${location} was closed`,
  83: ({ location }) => `the server does not allow the path of ${location}`,
  84: ({ location }) => `Borg on the server of ${location} is too old`,
  87: ({ location }) => `the connection to ${location} broke`,
  90: ({ location }) => `data in the repository ${location} is damaged; run borg check on it`,
  91: () => "Borg's own cache is damaged; it is made again when its folder is removed",
  92: ({ location }) => `data in the repository ${location} cannot be decompressed; run borg check on it`,
  126: () => 'a program could not be started',
  127: () => 'a program is not installed',
};

/** What to do, after what borg has to say. */
const advice: Record<number, Sentence> = {
  73: ({ location }) => `; where no borg is at work on it any more, borg break-lock ${location} removes it`,
};

/** A second try by itself cannot mend these. */
const needsSomebody = new Set([11, 15, 16, 19, 21, 30, 31, 40, 41, 42, 44, 50, 52, 60, 61, 62, 63, 64]);

/**
 * Not all is well, and yet borg did its work: 1 of old, 100 to 127 of the modern codes; but 126 and 127 are how a
 * shell says that there is no such program, and borg uses none above 107.
 */
export function isWarning(exitCode: number): boolean {
  return exitCode === 1 || (exitCode >= 100 && exitCode <= 125);
}

/** What borg 1.2 ends with 2 for although there is a code for it, by its own name of it. */
const byName: Record<string, number> = {
  'Repository.ObjectNotFound': 17,
  IntegrityError: 90,
  DecompressionError: 92,
};

/** The same of a borg 1.2 or one behind SSH, by its words. */
const byWords: [RegExp, number][] = [
  [/^Repository .* does not exist\./, 13],
  [/^Invalid key file for repository/, 40],
  [/^Mismatch between repository .* and key file/, 41],
  [/^No key file for repository/, 42],
  [/^This file is not a borg key backup/, 43],
  [/^No key entry found in the config/, 44],
  [/^This key backup seems to be for a different backup repository/, 45],
  [/is not a valid repository\. Check repo config/, 15],
  [/^configparser\.\w+:/, 16],
];

/** Why borg ended with this code, with what it said itself where that tells more. */
export function borgFailure(exitCode: number, log: BorgLog, repository: BorgRepository): BorgError {
  const said = ownWords(log);
  const code = sentences[exitCode] ? exitCode : (codeOf(said, log) ?? exitCode);
  const full = fullDisk(log, repository);
  const known = sentences[code]?.(repository);
  const whatToDo = advice[code]?.(repository) ?? '';
  const message =
    full ?? (known === undefined ? unknown(code, said) : `${withDetail(known, code, log)}${whatToDo}`);
  return new BorgError(message, { exitCode: code, retryable: full !== null || !needsSomebody.has(code) });
}

function codeOf(said: string, { msgid }: BorgLog): number | undefined {
  return byName[msgid ?? ''] ?? byWords.find(([words]) => words.test(said))?.[1];
}

function unknown(exitCode: number, said: string): string {
  const how = exitCode > 128 && exitCode < 193 ? `borg was ended by signal ${exitCode - 128}` : 'borg failed';
  return said === '' ? `${how} (exit code ${exitCode})` : `${how}: ${said}`;
}

/** For connections, what ssh said is the reason; for a lock, which one it is. */
function withDetail(sentence: string, exitCode: number, log: BorgLog): string {
  const detail = detailOf(exitCode, log);
  return detail === null || detail === '' ? sentence : `${sentence}: ${detail}`;
}

function detailOf(exitCode: number, log: BorgLog): string | null {
  if (exitCode >= 80 && exitCode <= 87) return sshWords(log);
  if (exitCode === 126 || exitCode === 127) return log.plain.at(-1) ?? null;
  return exitCode === 73 || exitCode === 4 ? ownWords(log).replace(/\.$/, '') : null;
}

function sshWords({ warnings, plain }: BorgLog): string | null {
  const remote = [...plain, ...warnings].filter((line) => line.startsWith('Remote: '));
  const line = remote.findLast((text) =>
    /denied|host key .*(known|changed)|refused|resolve|timed out|No route|not found|Error/i.test(text),
  );
  return (line ?? remote.at(-1))?.slice('Remote: '.length).trim() ?? null;
}

function fullDisk({ warnings, plain }: BorgLog, { location }: BorgRepository): string | null {
  const line = [...warnings, ...plain].find((text) => noRoom.test(text));
  if (line === undefined) return null;
  const cause = line.split('\n').findLast((part) => noRoom.test(part)) ?? line;
  return `${whoseDisk(line, location)}: ${cause.trim()}`;
}

const noRoom = /No space left on device|Disk quota exceeded/;

/** The place in borg's program, or what it was at, as in `a/file: write: [Errno 28] No space left on device`. */
const isOfExtraction = /, in extract_item\b|: (makedirs|open|write|truncate_and_attrs|attrs|link): \[Errno /;

/** Borg does not say it; where in its program it happened does, and so does the lock that it could not take. */
function whoseDisk(message: string, location: string): string {
  if (/\/borg\/cache\.py|\/\.cache\/borg\//.test(message))
    return "the disk of Borg's cache below Steward's state folder is full";
  if (/\/borg\/repository\.py|\/lock\.exclusive/.test(message))
    return `the disk of ${location} is full, or its quota is used up`;
  if (isOfExtraction.test(message))
    return 'there is no room left where it is restored to, so make room or raise a quota there';
  return "a disk is full, of the repository or of Borg's cache";
}

/** Borg prints tracebacks as one message of many lines, of which the one that names the exception is the fault. */
function ownWords({ error, plain }: BorgLog): string {
  const text = error ?? plain.at(-1) ?? '';
  const lines = text
    .split('\n')
    .map((line) => line.trim().replace(/^(Borg server|Remote): /, ''))
    .filter(Boolean);
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b.*:/.test(line)) ?? lines[0] ?? '';
}
