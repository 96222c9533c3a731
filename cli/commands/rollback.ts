import { observeWritten } from '../../observers/snapshots.ts';
import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { rollBack } from '../../reconciler/apply/rollback.ts';
import { type ServiceDatasets, taggedOf } from '../../reconciler/snapshots/by-hand.ts';
import { rollbackProblem, rollbackSteps, safetyTagAt } from '../../reconciler/snapshots/rollback.ts';
import { betweenCycles } from '../between-cycles.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import { quiescedFor } from '../quiesced.ts';
import { bytes } from '../render/bytes.ts';
import { utc } from '../render/snapshots.ts';
import { joinLines, plural } from '../render/text.ts';
import { relative } from '../render/time.ts';
import type { Flags } from '../settings.ts';
import { knownServices, requireNoRestore, serviceCalled, stateDirOf, toolOptions } from '../snapshots.ts';
import { note } from '../terminal.ts';
import { tagged } from './snapshot.ts';

/** The files of a service become those of its snapshot; what they were before is in a snapshot of its own. */
export async function rollback(
  name: string,
  tag: string,
  flags: Flags & { confirm?: string },
): Promise<number> {
  const service = serviceCalled(name, knownServices(flags));
  await allow(service, tag, await ready(service, tag), flags.confirm);
  return betweenCycles(stateDirOf(flags), 'snapshot rollback', async () => {
    requireNoRestore(service, flags);
    const found = await ready(service, tag);
    const safety = safetyTagAt(Date.now());
    await rollBack(name, rollbackSteps(name, found, tag, safety), quiescedFor(flags), toolOptions);
    const done = `${name} is as it was at ${tag}. What it was before is in ${safety}:`;
    process.stdout.write(joinLines([`✓ ${done}`, '', `  steward snapshot rollback ${name} ${safety}`]));
    return 0;
  });
}

async function ready(service: ServiceDatasets, tag: string): Promise<SnapshottedDataset[]> {
  const found = await tagged(service, tag);
  const problem = rollbackProblem(found, tag);
  if (problem !== null) throw new UserError(`${problem}; nothing was done`);
  return found;
}

/** Asked twice: for the service, and for the tag. */
async function allow(
  { service }: ServiceDatasets,
  tag: string,
  found: SnapshottedDataset[],
  confirm: string | undefined,
): Promise<void> {
  if (confirm !== undefined && confirm !== `${service}@${tag}`)
    throw new UserError(`--confirm ${confirm} is not ${service}@${tag}; nothing was done`);
  note(await whatItMeans(found, tag));
  if (confirm !== undefined) return;
  if (!canAsk())
    throw new UserError(`without a terminal, --confirm ${service}@${tag} says that it may; nothing was done`);
  const sure =
    (await typed(service, `Type ${service} to go on: `)) && (await typed(tag, `And the tag, ${tag}: `));
  if (!sure) throw new UserError('nothing was done');
}

async function whatItMeans(found: SnapshottedDataset[], tag: string): Promise<string> {
  const lines = found.map(async (dataset) => {
    const written = await observeWritten(dataset.name, tag, { timeoutMs: toolOptions.timeoutMs });
    const since = written.known ? `${bytes(written.value)} written since` : written.error;
    return `  ${dataset.name}  ${since}${newer(dataset, tag)}`;
  });
  const atMs = found.flatMap((dataset) => taggedOf(dataset, tag) ?? [])[0]?.createdMs ?? 0;
  return [
    `Back to ${tag}, taken ${relative(atMs, Date.now())} (${utc(atMs)}):`,
    ...(await Promise.all(lines)),
    'What is there now is kept in a safety snapshot first.',
  ].join('\n');
}

function newer({ snapshots, name }: SnapshottedDataset, tag: string): string {
  const at = snapshots.findIndex((snapshot) => snapshot.name === `${name}@${tag}`);
  const after = snapshots.length - at - 1;
  return after === 0 ? '' : `, ${plural(after, 'newer snapshot')} stay${after === 1 ? 's' : ''}`;
}
