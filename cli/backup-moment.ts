import { instant } from '../reconciler/backup/names.ts';
import { readBackups } from '../reconciler/state/backups.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { Clock } from '../tools/clock.ts';

/**
 * What archives by hand stand for: now, to the second, as they are named. Where there is one of this second, the next one
 * is waited for: what has changed since would be in none, and it would be taken for the archive that was asked for.
 */
export async function archiveMomentMs(store: Store, clock: Clock): Promise<number> {
  const nowMs = clock.now();
  const names = [...readBackups(store).archives.values()].flat().map(({ name }) => name);
  if (names.some((name) => name.endsWith(instant(nowMs)))) await clock.sleep(1000 - (nowMs % 1000));
  return Math.floor(clock.now() / 1000) * 1000;
}
