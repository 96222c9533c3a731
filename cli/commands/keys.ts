import path from 'node:path';
import type { DesiredRepository } from '../../desired-state/types.ts';
import { exportKey } from '../../reconciler/apply/key-export.ts';
import { defaultRunDir } from '../../reconciler/apply/mounted.ts';
import { privateFolder } from '../../reconciler/apply/private-file.ts';
import { takeAll } from '../../reconciler/background.ts';
import { readBackups, writeListing } from '../../reconciler/state/backups.ts';
import { recordKey } from '../../reconciler/state/keys.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import { transaction } from '../../reconciler/state/store.ts';
import type { RepositoryListing } from '../../tools/borg/archives.ts';
import { backgroundDeps } from '../background.ts';
import { nearest, UserError } from '../errors.ts';
import { keepBackups } from '../keep.ts';
import { declaredState, keyRows, repositoriesOf } from '../keys.ts';
import { describe } from '../locked.ts';
import { type KeyOutcome, renderKeyOutcome, renderKeys, renderKeyTotal } from '../render/keys.ts';
import { lookOf } from '../render/text.ts';
import { type Flags, readSettings, type Settings } from '../settings.ts';
import { printJson } from '../terminal.ts';
import { type Wired, wire } from '../wire.ts';
import { stopSignal } from './reconcile.ts';

interface KeysFlags extends Flags {
  output: 'text' | 'json';
}

/** Which keys were exported, when and where to; Borg is not asked. Exit 0: all that there are; 1: not. */
export async function list(flags: KeysFlags): Promise<number> {
  const settings = readSettings(flags);
  const wired = await wire(settings);
  try {
    const desired = await declaredState(wired, settings, flags.output);
    if (desired === null) return 1;
    const rows = keyRows(repositoriesOf(desired), readBackups(wired.store));
    if (flags.output === 'json') printJson(rows);
    else process.stdout.write(renderKeys(rows, { ...lookOf(process.stdout), now: Date.now() }));
    return rows.every(({ problem }) => problem === null) ? 0 : 1;
  } finally {
    wired.close();
  }
}

/** Writes keys into a folder of the person's choice, each proven. Exit 0: all of them; 1: not. */
export async function exportKeys(names: string[], flags: KeysFlags & { to?: string }): Promise<number> {
  const { to, output } = flags;
  if (to === undefined)
    throw new UserError(
      '--to DIR says where: a folder whose files you then keep on another machine and on paper, since keys that are lost with the server open nothing',
    );
  const settings = readSettings(flags);
  if (settings.host === 'simulator')
    throw new UserError('a simulated host has no real repositories, so there are no keys to export');
  const folder = path.resolve(to);
  await privateFolder(folder);
  const signal = stopSignal();
  const wired = await wire(settings, signal);
  try {
    const desired = await declaredState(wired, settings, output);
    if (desired === null) return 1;
    const repositories = chosen(names, repositoriesOf(desired));
    const outcomes = await exportAll(repositories, folder, { wired, settings, signal, output });
    keepBackups(wired, desired);
    if (output === 'json') printJson(outcomes);
    else process.stdout.write(renderKeyTotal(outcomes, { folder, passphrases: passphrasesOf(repositories) }));
    return outcomes.length === repositories.length && outcomes.every(({ result }) => result !== 'failed')
      ? 0
      : 1;
  } finally {
    wired.close();
  }
}

function chosen(names: string[], declared: DesiredRepository[]): DesiredRepository[] {
  if (declared.length === 0) throw new UserError('lab.yaml declares no backup, so there are no keys');
  const known = declared.flatMap(({ service }) => service ?? []);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UserError(`there is no repository of ${unknown}${nearest(unknown, known)}`);
  return names.length === 0 ? declared : declared.filter(({ service }) => names.includes(service ?? ''));
}

function passphrasesOf(repositories: DesiredRepository[]): string[] {
  return [...new Set(repositories.flatMap(({ repository }) => repository.passphraseFile ?? []))];
}

interface Context {
  wired: Wired;
  settings: Settings;
  signal: AbortSignal;
  output: 'text' | 'json';
}

/** One after the other; one that fails does not keep the others. */
async function exportAll(
  repositories: DesiredRepository[],
  folder: string,
  context: Context,
): Promise<KeyOutcome[]> {
  const outcomes: KeyOutcome[] = [];
  for (const desired of repositories) {
    if (context.signal.aborted) break;
    const outcome = await exportOne(desired, folder, context);
    if (context.output === 'text') process.stdout.write(renderKeyOutcome(outcome, lookOf(process.stdout)));
    outcomes.push(outcome);
  }
  return outcomes;
}

async function exportOne(
  { service, name, repository }: DesiredRepository,
  folder: string,
  { wired, settings, signal }: Context,
): Promise<KeyOutcome> {
  const { location } = repository;
  const subject = { service: service ?? name, repository: location };
  const failed = (error: string): KeyOutcome => {
    return { ...subject, result: 'failed', changed: false, fingerprint: null, files: [], error };
  };
  const locks = takeAll([repositoryLock(location)], backgroundDeps(wired, settings, 'keys export'));
  if ('holder' in locks) return failed(`${describe(locks.holder)} is at work on its repository`);
  try {
    const options = { stateDir: settings.stateDir, runDir: defaultRunDir, signal };
    const { listing, fingerprint, files } = await exportKey(repository, folder, options);
    const changed = remember(wired, location, listing, { fingerprint, folder });
    const result = fingerprint === null ? 'none' : 'exported';
    return { ...subject, result, changed, fingerprint, files, error: null };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'StepError') throw error;
    return failed(error.message);
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}

/** Whether it is another key than the last one. What was read of the repository is as good as any other reading. */
function remember(
  { store, deps }: Wired,
  location: string,
  { id, encryption, archives, checkpoints }: RepositoryListing,
  { fingerprint, folder }: { fingerprint: string | null; folder: string },
): boolean {
  const nowMs = deps.clock.now();
  return transaction(store, () => {
    const read = { location, borgId: id, encryption, listedMs: nowMs, inDoubt: false, checkpoints };
    writeListing(store, read, archives);
    if (fingerprint === null) return false;
    return recordKey(store, { location, borgId: id, fingerprint, exportedMs: nowMs, folder });
  });
}
