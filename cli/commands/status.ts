import { holderOf } from '../../reconciler/state/lock.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { readKept } from '../keep.ts';
import { withLiveBackups } from '../read-backup-status.ts';
import { renderStatus } from '../render/status.ts';
import { lookOf } from '../render/text.ts';
import type { Status } from '../render/types.ts';
import { routeStatus } from '../route-status.ts';
import { type Flags, readSettings } from '../settings.ts';
import { silentSince } from '../since-then.ts';
import { printJson } from '../terminal.ts';

/**
 * What the last cycle found; the host is not asked. Exit 0: all is well. 1: not as Git says, degraded, or nobody looked in
 * time, or there is data inside that of a service that no archive of it has.
 */
export async function status(flags: Flags & { output: 'text' | 'json' }): Promise<number> {
  const { stateDir } = readSettings(flags);
  const store = openStore(stateDir);
  try {
    const kept = readKept(store);
    const found = { ...(kept ?? nothingYet), routes: routeStatus(store) };
    const nowMs = Date.now();
    const shown = withSilence(withLock(withLiveBackups(found, store, nowMs), stateDir), nowMs);
    if (flags.output === 'json') printJson(shown);
    else process.stdout.write(renderStatus(shown, { ...lookOf(process.stdout), now: nowMs }));
    return isWell(shown) ? 0 : 1;
  } finally {
    store.close();
  }
}

/** As far as the newest commit is known, somebody has looked, nothing is damaged, and all data is in the archives. */
function isWell(status: Status): boolean {
  const {
    lastCycle,
    repositoryError = null,
    refused = null,
    silentSince,
    backups = [],
    degraded = [],
  } = status;
  if (repositoryError !== null || refused !== null || silentSince !== undefined) return false;
  if (degraded.length > 0) return false;
  if (backups.some(({ uncovered = [] }) => uncovered.length > 0)) return false;
  return ['converged', 'changed'].includes(lastCycle?.result ?? '');
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

function withSilence(status: Status, nowMs: number): Status {
  const since = silentSince(status, nowMs);
  return since === null ? status : { ...status, silentSince: since };
}
