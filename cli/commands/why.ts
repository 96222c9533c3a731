import { historyIds, readHistory } from '../../reconciler/state/history.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { nearest, UserError } from '../errors.ts';
import { renderHistory } from '../render/history.ts';
import { lookOf } from '../render/text.ts';
import { type Flags, readSettings } from '../settings.ts';
import { printJson } from '../terminal.ts';

/** The history of one resource, oldest first. */
export async function why(id: string, flags: Flags & { output: 'text' | 'json' }): Promise<number> {
  const store = openStore(readSettings(flags).stateDir);
  try {
    const entries = readHistory(store, id).map(({ atMs, ...rest }) => ({ at: atMs, ...rest }));
    if (entries.length === 0)
      throw new UserError(`nothing was ever done to ${id}${suggestion(id, historyIds(store))}`);
    if (flags.output === 'json') printJson(entries);
    else process.stdout.write(renderHistory(entries, { ...lookOf(process.stdout), now: Date.now() }));
    return 0;
  } finally {
    store.close();
  }
}

function suggestion(id: string, known: string[]): string {
  if (known.length === 0) return '; nothing was changed on this host yet';
  const names = id.includes(':') ? known : known.map((each) => each.slice(each.indexOf(':') + 1));
  return nearest(id, names);
}
