import { randomBytes } from 'node:crypto';
import { constants, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { lstat, mkdir, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SecretError } from './error.ts';

/**
 * Plain text for one call of a program that takes files only. It lies in memory (tmpfs), in a folder that nobody else
 * may enter, for as long as the call lasts; what a killed process has left is removed by the next one.
 */

export interface PrivateMemory {
  /** /run/steward on a server. */
  runDir: string;
  /** Whether a folder is in memory; tests stand in for it. Default: its file system is tmpfs or ramfs. */
  isInMemory?: (folder: string) => Promise<boolean>;
}

/** Memory of who runs this: root has /run/steward, others what their session or the kernel gives them. */
export function ownMemory(): PrivateMemory {
  const self = process.geteuid?.() ?? 0;
  const session = process.env.XDG_RUNTIME_DIR;
  const usual = self === 0 || !session ? '/run/steward' : path.join(session, 'steward');
  const places = [usual, `/dev/shm/steward-${self}`];
  return { runDir: places.find((place) => isMemory(path.dirname(place))) ?? usual };
}

function isMemory(folder: string): boolean {
  try {
    return inMemory.includes(statfsSync(folder).type);
  } catch {
    return false;
  }
}

/** For what need not be kept secret. */
export function anyPlace(): PrivateMemory {
  return { runDir: path.join(tmpdir(), `steward-${process.geteuid?.() ?? 0}`), isInMemory: async () => true };
}

/** The texts as files, in order, mode 0600, gone when `action` ends however it ends. Throws SecretError. */
export async function withPrivateFiles<T>(
  texts: readonly string[],
  memory: PrivateMemory,
  action: (files: string[]) => Promise<T>,
): Promise<T> {
  if (texts.length === 0) return action([]);
  const inside = await privateFolder(memory);
  // Not every command that has plain text opens the state, where it is cleared as well.
  clearLeftovers(memory.runDir);
  const folder = path.join(inside, `${owner()}.${randomBytes(6).toString('hex')}`);
  removeAtExit(folder);
  try {
    return await action(await written(folder, texts));
  } finally {
    await rm(folder, { recursive: true, force: true });
    present.delete(folder);
  }
}

async function written(folder: string, texts: readonly string[]): Promise<string[]> {
  try {
    await mkdir(folder, { mode: 0o700 });
    const files = texts.map((_text, index) => path.join(folder, `${index + 1}.env`));
    for (const [index, file] of files.entries()) await writeNew(file, texts[index] ?? '');
    return files;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new SecretError(`${folder} could not be written (${code ?? message})`);
  }
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

async function privateFolder({
  runDir,
  isInMemory = async (at: string) => isMemory(at),
}: PrivateMemory): Promise<string> {
  const folder = path.join(runDir, 'env');
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new SecretError(`${folder} cannot be made (${cause.code ?? cause.message})`);
  });
  // Who may write beside the folder could put another in its place.
  await requireOwn(runDir, 0o022, 'that nobody else may write to');
  await requireOwn(folder, 0o077, 'that nobody else may enter');
  if (!(await isInMemory(folder)))
    throw new SecretError(
      `${folder} is not in memory (tmpfs), and secrets are not written to a disk; mount a tmpfs on ${runDir}`,
    );
  return folder;
}

async function requireOwn(folder: string, forbidden: number, what: string): Promise<void> {
  const stat = await lstat(folder);
  const isOurs = stat.uid === (process.geteuid?.() ?? stat.uid);
  if (stat.isDirectory() && isOurs && (stat.mode & forbidden) === 0) return;
  throw new SecretError(`${folder} must be a folder of its own ${what}; remove it, and it is made anew`);
}

/** Magic numbers of tmpfs and ramfs: statfs(2). */
const inMemory = [0x01021994, 0x858458f6];

/** What is there now, for an end that runs no `finally`. */
const present = new Set<string>();
let isWatching = false;

function removeAtExit(folder: string): void {
  present.add(folder);
  if (isWatching) return;
  isWatching = true;
  process.once('exit', () => {
    for (const left of present) rmSync(left, { recursive: true, force: true });
  });
}

/** Process id and when it started, since ids are given again. */
function owner(): string {
  return `${process.pid}.${startedAt('self') ?? '0'}`;
}

function startedAt(pid: string): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything; the start is field 22.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Removes what processes have left that are no more. Gives how many. */
export function clearLeftovers(runDir: string): number {
  const folder = path.join(runDir, 'env');
  // Without /proc nobody can tell who is gone.
  if (startedAt('self') === null) return 0;
  const dead = namesIn(folder).filter((name) => {
    const [pid = '', start] = name.split('.');
    return !/^\d+$/.test(pid) || (startedAt(pid) ?? 'gone') !== start;
  });
  for (const name of dead) rmSync(path.join(folder, name), { recursive: true, force: true });
  return dead.length;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
