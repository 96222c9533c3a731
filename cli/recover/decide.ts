import type { DesiredBackup } from '../../desired-state/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import { mountsOf } from '../../reconciler/restore/change.ts';
import { isOpen, type Recovery, readRecoveries, writeRecovery } from '../../reconciler/state/recovery.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { alone } from '../archives/ask.ts';
import { canAsk, typed } from '../confirm.ts';
import { nearest, UserError } from '../errors.ts';
import { note } from '../terminal.ts';

/** What only a person can decide: that a service starts without what its archives hold. */

export interface Decisions {
  /** These start with nothing. */
  startEmpty?: string[];
  /** This one starts with a copy that somebody has put there. */
  keepWhatIsThere?: string;
  /** Its name again. */
  confirm?: string;
}

/** Alone with the repository of each: nothing of an archive is being written there meanwhile. Throws UserError. */
export async function decide(
  { startEmpty = [], keepWhatIsThere, confirm }: Decisions,
  backups: readonly DesiredBackup[],
  deps: BackgroundDeps,
): Promise<void> {
  for (const service of startEmpty) openOne(service, deps.store);
  for (const service of startEmpty) await giveUp(service, backups, deps, requireNoPart);
  if (keepWhatIsThere === undefined) return;
  await allow(openOne(keepWhatIsThere, deps.store), confirm);
  await giveUp(keepWhatIsThere, backups, deps, async () => {});
}

type Look = (recovery: Recovery, backup: DesiredBackup | undefined, deps: BackgroundDeps) => Promise<void>;

async function giveUp(
  service: string,
  backups: readonly DesiredBackup[],
  deps: BackgroundDeps,
  look: Look,
): Promise<void> {
  const backup = backups.find((each) => each.service === service);
  const write = async () => {
    const recovery = openOne(service, deps.store);
    await look(recovery, backup, deps);
    writeRecovery(deps.store, { ...recovery, phase: 'given-up', updatedMs: deps.clock.now() });
  };
  await (backup === undefined ? write() : alone(backup.repository, deps, write));
}

function openOne(service: string, store: Store): Recovery {
  const open = readRecoveries(store).filter(isOpen);
  const found = open.find((each) => each.service === service);
  if (found !== undefined) return found;
  const names = open.map((each) => each.service);
  throw new UserError(`${service} is not being recovered${nearest(service, names)}; nothing was done`);
}

/** Once extraction has begun, what is there may be a part of an archive, until somebody has taken it away. */
async function requireNoPart(
  { service, phase, archive }: Recovery,
  backup: DesiredBackup | undefined,
  { executor }: BackgroundDeps,
): Promise<void> {
  if (phase !== 'restoring') return;
  if (backup === undefined)
    throw new UserError(
      `${service} has no backup in Git, so that nobody knows where a part of ${archive} is`,
    );
  try {
    await executor.execute({ op: 'require-empty', mounts: mountsOf(backup), mounted: true }, {});
  } catch (error) {
    const advice = `remove what is there, or let steward recover go on; if it is your own copy, --keep-what-is-there ${service}`;
    throw new UserError(
      `a part of ${archive} may be on the datasets of ${service}, and it would start with that: ${(error as Error).message}; ${advice}`,
    );
  }
}

async function allow({ service, archive }: Recovery, confirm: string | undefined): Promise<void> {
  if (confirm === service) return;
  if (confirm !== undefined) throw new UserError(`--confirm ${confirm} is not ${service}; nothing was done`);
  if (!canAsk())
    throw new UserError(`without a terminal, --confirm ${service} says that it may; nothing was done`);
  const part = archive === null ? '' : `, which may be only a part of ${archive}`;
  note(
    `${service} starts with what is on its datasets now${part}, and that is what is backed up from then on.`,
  );
  if (!(await typed(service, `Type ${service} to go on: `))) throw new UserError('nothing was done');
}
