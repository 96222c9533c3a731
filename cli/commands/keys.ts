import path from 'node:path';
import type { DesiredRepository } from '../../desired-state/types.ts';
import { privateFolder } from '../../reconciler/apply/private-file.ts';
import { readBackups } from '../../reconciler/state/backups.ts';
import { nearest, UserError } from '../errors.ts';
import { type ExportContext, exportOne } from '../export-key.ts';
import { keepBackups } from '../keep.ts';
import { declaredState, keyRows, repositoriesOf } from '../keys.ts';
import { type KeyOutcome, renderKeyOutcome, renderKeys, renderKeyTotal } from '../render/keys.ts';
import { lookOf } from '../render/text.ts';
import { type Flags, readSettings } from '../settings.ts';
import { printJson } from '../terminal.ts';
import { wire } from '../wire.ts';
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

interface Context extends ExportContext {
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
