import { readRuns } from '../../reconciler/state/runs.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { UserError } from '../errors.ts';
import { renderRuns, runJson } from '../render/backup-runs.ts';
import { lookOf } from '../render/text.ts';
import { type Flags, readSettings } from '../settings.ts';
import { printJson } from '../terminal.ts';

/** One line for every backup that was begun, oldest first. */
export async function backupHistory(
  service: string | undefined,
  flags: Flags & { output: 'text' | 'json'; limit: string },
): Promise<number> {
  const store = openStore(readSettings(flags).stateDir);
  try {
    const runs = readRuns(store, service ?? null, limitOf(flags.limit));
    if (flags.output === 'json') printJson(runs.map(runJson));
    else process.stdout.write(renderRuns(runs, { ...lookOf(process.stdout), now: Date.now() }));
    return 0;
  } finally {
    store.close();
  }
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new UserError(`--limit ${text}: expected a whole number such as 20`);
}
