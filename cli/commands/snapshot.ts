import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { createByHand, destroyByHand, destroyProblem } from '../../reconciler/apply/snapshots-by-hand.ts';
import { type ServiceDatasets, taggedOf, tagOf, tagProblem } from '../../reconciler/snapshots/by-hand.ts';
import { betweenCycles } from '../between-cycles.ts';
import { canAsk, typed } from '../confirm.ts';
import { nearest, UserError } from '../errors.ts';
import { bytes } from '../render/bytes.ts';
import { renderSnapshots } from '../render/snapshots.ts';
import { joinLines, lookOf, plural, safe } from '../render/text.ts';
import { relative } from '../render/time.ts';
import type { Flags } from '../settings.ts';
import { snapshotRows } from '../snapshot-rows.ts';
import {
  knownServices,
  look,
  lookAround,
  requireNoRestore,
  restoring,
  serviceCalled,
  stateDirOf,
  toolOptions,
} from '../snapshots.ts';
import { note, printJson } from '../terminal.ts';

/** `create NAME TAG` or `create --all TAG`. */
export async function create(
  first: string,
  second: string | undefined,
  flags: Flags & { all?: boolean },
): Promise<number> {
  const all = flags.all === true;
  if (all !== (second === undefined))
    throw new UserError('either steward snapshot create NAME TAG, or steward snapshot create --all TAG');
  const tag = second ?? first;
  const problem = tagProblem(tag);
  if (problem !== null) throw new UserError(problem);
  return betweenCycles(stateDirOf(flags), 'snapshot create', async () => {
    const known = knownServices(flags);
    const services = all ? known.filter(({ orphaned }) => !orphaned) : [serviceCalled(first, known)];
    if (services.length === 0) throw new UserError('no service was applied on this host yet');
    return (await takeWherePossible(services, tag, restoring(flags))) ? 0 : 1;
  });
}

/**
 * Leaves out what is being restored, and is then false: the way back is a rollback to a snapshot of its own, and ZFS goes
 * over no newer one.
 */
async function takeWherePossible(
  services: ServiceDatasets[],
  tag: string,
  restoring: Map<string, string>,
): Promise<boolean> {
  const free = services.filter(({ service }) => !restoring.has(service));
  const others = services.filter(({ service }) => restoring.has(service));
  const sentences = others.map(({ service }) => `${service}: ${restoring.get(service)}`);
  if (free.length === 0) throw new UserError(`${sentences.join('; ')}; nothing was done`);
  await take(free, tag);
  for (const sentence of sentences) note(`left out: ${sentence}`);
  return others.length === 0;
}

async function take(services: ServiceDatasets[], tag: string): Promise<void> {
  const found = await look(services);
  const there = found.flatMap((dataset) => taggedOf(dataset, tag) ?? [])[0];
  if (there !== undefined) {
    const age = relative(there.createdMs, Date.now());
    throw new UserError(`${there.name} is there already, taken ${age}; choose another tag`);
  }
  await createByHand(found, tag, toolOptions);
  const lines = found.map(({ name }) => `✓ ${safe(name)}@${tag}`);
  const instant = found.length === 1 ? '' : ', all at one instant';
  process.stdout.write(joinLines([...lines, '', `${plural(found.length, 'snapshot')} taken${instant}.`]));
}

/** Every snapshot of one service or of all, ours or not. */
export async function list(
  name: string | undefined,
  flags: Flags & { output: 'text' | 'json' },
): Promise<number> {
  const known = knownServices(flags);
  const services = name === undefined ? known : [serviceCalled(name, known)];
  const rows = snapshotRows(services, await lookAround(services));
  if (flags.output === 'json')
    printJson(rows.map(({ createdMs, ...row }) => ({ ...row, created: new Date(createdMs).toISOString() })));
  else process.stdout.write(renderSnapshots(rows, { ...lookOf(process.stdout), now: Date.now() }));
  return 0;
}

/** Only what was taken by hand, and only after a yes. */
export async function destroy(name: string, tag: string, flags: Flags & { yes?: boolean }): Promise<number> {
  const service = serviceCalled(name, knownServices(flags));
  await allowDestroy(service, tag, await tagged(service, tag), flags.yes === true);
  return betweenCycles(stateDirOf(flags), 'snapshot destroy', async () => {
    requireNoRestore(service, flags);
    // Looked at again: while the person thought about it, a backup may have begun or the snapshot be another one.
    const gone = await destroyByHand(await tagged(service, tag), tag, toolOptions);
    process.stdout.write(joinLines(gone.map((each) => `✓ ${safe(each)} destroyed`)));
    return 0;
  });
}

/** The service's datasets; throws UserError where none has the tag. */
export async function tagged(service: ServiceDatasets, tag: string): Promise<SnapshottedDataset[]> {
  const found = await look([service]);
  if (found.some((dataset) => taggedOf(dataset, tag) !== undefined)) return found;
  const tags = found.flatMap(({ snapshots }) => snapshots.map((snapshot) => tagOf(snapshot.name)));
  const hint = tags.length === 0 ? '; it has none' : nearest(tag, tags);
  throw new UserError(`${service.service} has no snapshot ${tag}${hint}`);
}

async function allowDestroy(
  { service }: ServiceDatasets,
  tag: string,
  found: SnapshottedDataset[],
  yes: boolean,
): Promise<void> {
  const problem = destroyProblem(found, tag);
  if (problem !== null) throw new UserError(problem);
  if (yes) return;
  if (!canAsk())
    throw new UserError('without a terminal, --yes says that it may be destroyed; nothing was done');
  for (const { name, createdMs, usedBytes } of found.flatMap((dataset) => taggedOf(dataset, tag) ?? []))
    note(`${name}, taken ${relative(createdMs, Date.now())}; destroying it frees ${bytes(usedBytes)}`);
  if (!(await typed(service, `Type ${service} to destroy it: `)))
    throw new UserError('nothing was destroyed');
}
