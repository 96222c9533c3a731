import { holderOf } from '../../reconciler/state/lock.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { readKept } from '../keep.ts';
import { withLiveBackups } from '../read-backup-status.ts';
import { renderStatus } from '../render/status.ts';
import { lookOf } from '../render/text.ts';
import type { Status } from '../render/types.ts';
import { routeStatus } from '../route-status.ts';
import { type Flags, readSettings } from '../settings.ts';
import { printJson } from '../terminal.ts';

/**
 * What the last cycle found; the host is not asked. Exit 0: it is as Git says. 1: not, or nobody looked yet, or there is data
 * inside that of a service that no archive of it has.
 */
export async function status(flags: Flags & { output: 'text' | 'json' }): Promise<number> {
  const { stateDir } = readSettings(flags);
  const store = openStore(stateDir);
  try {
    const kept = readKept(store);
    const found = { ...(kept ?? nothingYet), routes: routeStatus(store) };
    const shown = withLock(withLiveBackups(found, store), stateDir);
    if (flags.output === 'json') printJson(shown);
    else process.stdout.write(renderStatus(shown, { ...lookOf(process.stdout), now: Date.now() }));
    if (shown.refused !== undefined && shown.refused !== null) return 1;
    if (shown.backups?.some(({ uncovered = [] }) => uncovered.length > 0)) return 1;
    return ['converged', 'changed'].includes(shown.lastCycle?.result ?? '') ? 0 : 1;
  } finally {
    store.close();
  }
}

const nothingYet: Status = {
  commit: null,
  appliedCommit: null,
  lastCycle: null,
  services: [],
  problems: [],
  held: null,
  orphans: [],
};

function withLock(status: Status, stateDir: string): Status {
  const holder = holderOf(stateDir);
  return holder === null ? status : { ...status, lock: { pid: holder.pid, since: holder.sinceMs } };
}
