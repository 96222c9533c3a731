import { setImmediate as settled } from 'node:timers/promises';
import { backupStatus } from '../../../../cli/backup-status.ts';
import { Lane } from '../../../../cli/lane.ts';
import type { BackupStatus } from '../../../../cli/render/types.ts';
import type { Cycle } from '../../../../reconciler/cycle.ts';
import { settleRuns } from '../../../../reconciler/settle-undo.ts';
import { readBackups } from '../../../../reconciler/state/backups.ts';
import { repositoryLock } from '../../../../reconciler/state/lock.ts';
import type { LabRun } from '../../../support/lab-run.ts';
import type { Server } from './server.ts';

/** The daemon as cli/commands/loop.ts wires it: a cycle, its lane beside it, and another cycle once something is over. */

export interface Daemon {
  /** Looks until nothing more begins or ends by itself; the last look. */
  look(): Promise<Cycle>;
  /** What `steward status` says of these services now, after that look. */
  status(cycle: Cycle, names: ReadonlySet<string>): Map<string, BackupStatus>;
}

/** `seen`: every cycle, before anything of it is begun. One that is started anew knows only what is on the disk. */
export function startDaemon(lab: LabRun, server: Server, seen: (cycle: Cycle) => void): Daemon {
  const background = server.background();
  const errors: unknown[] = [];
  let isWanted = false;
  const lane = new Lane({
    background,
    onDone: (outcomes) => {
      if (outcomes.some(({ result }) => result !== 'skipped')) isWanted = true;
    },
    onError: (error) => errors.push(error),
  });

  async function once(): Promise<Cycle> {
    isWanted = false;
    const tryLock = (name: string) => {
      const result = background.tryLock(name);
      return result.ok ? result.lock : null;
    };
    await settleRuns({ store: lab.store(), executor: background.executor, nowMs: lab.now(), tryLock });
    const cycle = await lab.cycle();
    seen(cycle);
    lane.offer(cycle);
    await settled();
    const [error] = [...server.wrong, ...errors];
    if (error !== undefined) throw error;
    return cycle;
  }

  return {
    async look() {
      await settled();
      let cycle = await once();
      while (isWanted) cycle = await once();
      return cycle;
    },
    status({ desired, plan }, names) {
      if (desired === null) return new Map();
      const backups = readBackups(lab.store());
      const lockedBy = (location: string) => {
        const holder = server.locks.get(repositoryLock(location));
        return holder === undefined ? null : `steward ${holder.command} (pid ${holder.pid})`;
      };
      const resources = desired.resources.filter(({ kind, name }) => kind === 'backup' && names.has(name));
      const all = backupStatus(
        { ...desired, resources },
        { backups, lastRuns: new Map(), nowMs: lab.now(), plan, lockedBy },
      );
      return new Map(all.map((each) => [each.service, each]));
    },
  };
}
