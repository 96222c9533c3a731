import { observeWritten } from '../../observers/snapshots.ts';
import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { guardsByProject } from '../../reconciler/backup/guards.ts';
import { writerProblem } from '../../reconciler/restore/containers.ts';
import { type ServiceDatasets, taggedOf } from '../../reconciler/snapshots/by-hand.ts';
import { rollbackChange, rollbackGround, rollbackProblem } from '../../reconciler/snapshots/rollback.ts';
import { readDeclared } from '../../reconciler/state/declared.ts';
import { type InventoryEntry, readInventory, readRestoring } from '../../reconciler/state/inventory.ts';
import { atWork } from '../at-work.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import { bytes } from '../render/bytes.ts';
import { utc } from '../render/snapshots.ts';
import { plural } from '../render/text.ts';
import { relative } from '../render/time.ts';
import { exchangeData } from '../restore/carry-out.ts';
import type { Flags } from '../settings.ts';
import { knownServices, serviceCalled, toolOptions } from '../snapshots.ts';
import { note } from '../terminal.ts';
import type { Wired } from '../wire.ts';
import { tagged } from './snapshot.ts';

/** The files of a service become those of its snapshot; what they were before is in a snapshot of its own. */
export async function rollback(
  name: string,
  tag: string,
  flags: Flags & { confirm?: string; output: 'text' | 'json' },
): Promise<number> {
  const service = serviceCalled(name, knownServices(flags));
  await allow(service, tag, await ready(service, tag), flags.confirm);
  return await atWork(flags, 'snapshot rollback', async (at) => {
    const atMs = at.wired.deps.clock.now();
    const plan = () => planOf(service, tag, atMs, at.wired);
    const { result } = await exchangeData(plan, { ...at, output: flags.output });
    return result === 'applied' ? 0 : 1;
  });
}

/** Looked at again, with nobody else at work. Throws UserError where it is refused. */
async function planOf(service: ServiceDatasets, tag: string, atMs: number, { store, deps }: Wired) {
  const { service: name } = service;
  const why = readRestoring(store).get(name);
  if (why !== undefined) throw new UserError(`${name}: ${why}; nothing was done`);
  const datasets = await ready(service, tag);
  const observed = await deps.observer.observeContainers();
  if (!observed.known) throw new UserError(`${observed.error}; nothing was done`);
  const entries = [...readInventory(store).entries.values()].filter((entry) => entry.service === name);
  const named = (kind: InventoryEntry['kind']) => entries.find((entry) => entry.kind === kind);
  const location = (named('borg-repository')?.data.location ?? null) as string | null;
  const stack = named('compose-stack');
  const containers = observed.value;
  const whose = { service: name, project: stack?.name ?? name, datasets };
  const problem = writerProblem(rollbackGround(whose), containers);
  if (problem !== null) throw new UserError(`${problem}; nothing was done`);
  const healthTimeoutSeconds = (stack?.data.healthTimeoutSeconds ?? 180) as number;
  const guards = guardsByProject(readDeclared(store)?.resources ?? []);
  const parts = { ...whose, tag, atMs, containers, healthTimeoutSeconds, location, guards };
  return { change: rollbackChange(parts), commit: stack?.appliedCommit ?? '' };
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
