import { readBackups } from '../../reconciler/state/backups.ts';
import { readRuns } from '../../reconciler/state/runs.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { askedForRuns } from '../asked-for.ts';
import { nearest, UserError } from '../errors.ts';
import { renderRuns, runJson, type ShownRun } from '../render/backup-runs.ts';
import { lookOf } from '../render/text.ts';
import { type Flags, readSettings } from '../settings.ts';
import { printJson } from '../terminal.ts';

/** One line for every backup that was begun, and for what was asked for by hand of archives, oldest first. */
export async function backupHistory(
  service: string | undefined,
  flags: Flags & { output: 'text' | 'json'; limit: string },
): Promise<number> {
  const store = openStore(readSettings(flags).stateDir);
  try {
    const runs = newest(store, service ?? null, limitOf(flags.limit));
    if (service !== undefined && runs.length === 0) requireKnown(store, service);
    if (flags.output === 'json') printJson(runs.map(runJson));
    else process.stdout.write(renderRuns(runs, { ...lookOf(process.stdout), now: Date.now() }));
    return 0;
  } finally {
    store.close();
  }
}

/** An empty history is no answer about a name that was mistyped. */
function requireKnown(store: Store, service: string): void {
  const { services } = readBackups(store);
  if (services.has(service)) return;
  throw new UserError(`nothing is known of a backup of ${service}${nearest(service, [...services.keys()])}`);
}

function newest(store: Store, service: string | null, limit: number): ShownRun[] {
  const runs = [...readRuns(store, service, limit), ...askedForRuns(store, service)];
  return runs.sort((a, b) => a.atMs - b.atMs).slice(-limit);
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new UserError(`--limit ${text}: expected a whole number such as 20`);
}
