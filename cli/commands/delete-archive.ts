import type { Cycle } from '../../reconciler/cycle.ts';
import type { ArchiveRecord } from '../../reconciler/state/archives.ts';
import { doubtRepository } from '../../reconciler/state/backups.ts';
import type { Step } from '../../reconciler/types.ts';
import { runOnArchive } from '../archives/change.ts';
import { type ArchiveContext, backupOf, withBackup } from '../archives/context.ts';
import { archiveCalled, archivesInState, type KnownArchives, knownArchives } from '../archives/known.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import { relative } from '../render/time.ts';
import type { Flags } from '../settings.ts';
import { note } from '../terminal.ts';

export interface DeleteFlags extends Flags {
  output: 'text' | 'json';
  force?: boolean;
  confirm?: string;
}

/** One archive is gone for ever. Asks twice. Exit 0: it is gone. */
export function deleteArchive(name: string, archive: string, flags: DeleteFlags): Promise<number> {
  return withBackup(name, flags, 'delete-archive', async (context) => {
    requireInForce(context.cycle);
    backupOf(name, context.cycle, context.wired.store);
    const known = await knownArchives(context, true);
    const found = archiveCalled(archive, known);
    requireExpendable(found, known, context, flags.force === true);
    await allow(name, found, flags.confirm);
    return await remove(found.name, context, flags);
  });
}

/** How long archives are kept may be what a commit is about that is bad, or waits. */
function requireInForce({ result }: Cycle): void {
  if (result === 'bad-commit')
    throw new UserError(
      'the newest commit is not valid: nothing is deleted until it is; steward plan says more',
    );
  if (result === 'no-commit')
    throw new UserError('the repository has given no commit yet: nothing is deleted until it has');
  if (result === 'held')
    throw new UserError(
      'the newest commit is held: nothing is deleted until it is approved or another one is pushed; steward plan says more',
    );
}

function requireExpendable(
  { name }: ArchiveRecord,
  { own, foreign, proven }: KnownArchives,
  { desired: { service, repository } }: ArchiveContext,
  force: boolean,
): void {
  if (repository.appendOnly)
    throw new UserError(`${repository.location} is append-only: nothing is deleted there, as lab.yaml says`);
  if (foreign.some((each) => each.name === name))
    throw new UserError(`${name} was not made by Steward; delete it with borg delete, if it may go`);
  if (force) return;
  if (name === proven)
    throw new UserError(
      `${name} is the last one that was restored for proof; --force deletes it all the same`,
    );
  if (name === own[0]?.name)
    throw new UserError(`${name} is the newest archive of ${service}; --force deletes it all the same`);
}

async function allow(service: string, { name, atMs }: ArchiveRecord, confirm?: string): Promise<void> {
  if (confirm !== undefined) {
    if (confirm === name) return;
    throw new UserError(`--confirm ${confirm} is not ${name}; nothing was done`);
  }
  if (!canAsk())
    throw new UserError(`without a terminal, --confirm ${name} says that it may; nothing was done`);
  note(`${name} is what ${service} was ${relative(atMs, Date.now())}. It cannot be brought back.`);
  const isSure =
    (await typed(service, `Type ${service} to go on: `)) &&
    (await typed(name, `Type the name of the archive, ${name}, to delete it: `));
  if (!isSure) throw new UserError('nothing was done');
}

function remove(archive: string, context: ArchiveContext, { output, force }: DeleteFlags): Promise<number> {
  const { desired, wired } = context;
  const { repository } = desired;
  const steps: Step[] = [
    { op: 'borg-delete', repository, archives: [archive], onlyAfter: null },
    { op: 'borg-compact', repository },
  ];
  const begin = () => {
    // While the person was asked, others may have deleted what is newer, or have proven this one.
    const now = archivesInState(context);
    requireExpendable(archiveCalled(archive, now), now, context, force === true);
    // Should it be cut off, what the repository has is read again before anything relies on it.
    doubtRepository(wired.store, repository.location);
  };
  return runOnArchive({ verb: 'delete-archive', archive, steps, output, begin }, context);
}
