import { StepError } from '../reconciler/apply/types.ts';
import type { BorgExtract, RequireEmpty, RestoreStep } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { checkGuards } from './guards.ts';
import { pathKey, type SimulatedArchive, type SimulatedPath, type World } from './world.ts';
import { checkPool } from './zfs.ts';

/** Contents that go and come back, one entry at a time: half of a restore is a mixture, as it is on a real host. */

export function restoreActions(world: World, step: RestoreStep): Action[] {
  switch (step.op) {
    case 'borg-find':
    case 'borg-comment':
      find(world, step);
      return [];
    case 'borg-extract-to':
      throw new StepError('archives of the simulated host have no files of their own', { retryable: false });
    case 'require-empty':
      requireEmpty(world, step);
      return [];
    case 'snapshot-by-hand':
      return [
        () => {
          for (const { name } of step.datasets) addSnapshot(world, `${name}@${step.tag}`, '');
        },
      ];
    case 'files-restore':
      return filesRestore(world, step);
    case 'borg-extract':
      return extract(world, step);
    default:
      return rollback(world, step);
  }
}

export function contentsOf(world: World, dataset: string): SimulatedPath[] {
  return [...world.paths.values()].filter(({ filesystem }) => filesystem === dataset);
}

/** Atomic as ZFS makes them: a copy of what is there. */
export function addSnapshot(world: World, name: string, run: string): void {
  const dataset = name.slice(0, name.indexOf('@'));
  const contents = contentsOf(world, dataset);
  const files = contents.filter(({ type }) => type === 'file').length;
  world.snapshots.set(name, { name, run, files, contents, atMs: world.now() });
}

function find(world: World, { repository, archive }: Pick<BorgExtract, 'repository' | 'archive'>) {
  const found = world.archives.get(`${repository.location}::${archive}`);
  if (found === undefined) throw new StepError('there is no archive of this name', { retryable: false });
  return found;
}

function requireEmpty(world: World, { mounts, mounted, sinceMs }: RequireEmpty): void {
  const guards = mounts.map(({ guard }) => guard);
  if (mounted === true) checkGuards(world, guards);
  const whose = sinceMs === undefined ? 'already' : 'that was put there since the last attempt';
  for (const guard of guards) {
    if (world.index.mounts.get(guard.mountpoint) !== guard.dataset) continue;
    const isFound = ({ type, changedMs = 0 }: SimulatedPath) =>
      type === 'file' && (sinceMs === undefined || changedMs > sinceMs);
    const found = contentsOf(world, guard.dataset).find(isFound);
    if (found === undefined) continue;
    const place = `${guard.mountpoint}${found.path}`;
    throw new StepError(`${guard.dataset} holds data ${whose} (${place})`, { retryable: false });
  }
}

/** A child's place below its parent counts as in the real archive: `database` chosen is all of that dataset. */
function extract(world: World, step: BorgExtract): Action[] {
  checkGuards(
    world,
    step.mounts.map(({ guard }) => guard),
  );
  const archive = find(world, step);
  const parts = step.mounts.map(({ guard, below }) => partOf(world, archive, guard.dataset, below, step));
  return [
    ...parts.flatMap(({ removals }) => removals),
    ...parts.flatMap(({ puts }) => puts),
    ...parts.flatMap(({ moves }) => moves),
  ];
}

function partOf(world: World, archive: SimulatedArchive, dataset: string, below: string, step: BorgExtract) {
  const wanted = ({ path, type }: SimulatedPath) =>
    isChosen(`${below}${path}`.replace(/^\//, ''), step.paths, type);
  const old = contentsOf(world, dataset).filter((entry) => entry.path !== '' && wanted(entry));
  const kept = (archive.contents[dataset] ?? []).filter(wanted).map(byUs);
  return {
    removals: removalsOf(world, old),
    puts: putsOf(world, kept),
    moves: kept.flatMap((entry) => moveOf(world, entry, step)),
  };
}

function byUs({ changedMs: _changedMs, ...entry }: SimulatedPath): SimulatedPath {
  return entry;
}

/** Owners get the numbers of this host when all of the archive is there. */
function moveOf(world: World, entry: SimulatedPath, { owners, mounts }: BorgExtract): Action[] {
  if (owners === null) return [];
  const mount = mounts.find(({ guard }) => guard.dataset === entry.filesystem);
  const stays = entry.path === '' && owners.hostTops.includes(mount?.guard.mountpoint ?? '') ? 0 : null;
  return [
    () => {
      const uid = entry.uid === stays ? stays : shifted(entry.uid, owners.uid);
      const gid = entry.gid === stays ? stays : shifted(entry.gid, owners.gid);
      world.paths.set(pathKey(entry.filesystem, entry.path), { ...entry, uid, gid });
    },
  ];
}

function shifted(id: number, shifts: NonNullable<BorgExtract['owners']>['uid']): number {
  const own = shifts.find(({ first, count }) => id >= first && id - first < count);
  if (own?.to === null) throw new StepError(`containers of this host have no number for ${id}`);
  return own === undefined ? id : own.to + (id - own.first);
}

function isChosen(path: string, paths: string[], type: SimulatedPath['type']): boolean {
  if (paths.length === 0) return true;
  return (
    paths.some((chosen) => path === chosen || path.startsWith(`${chosen}/`)) &&
    (path !== '' || type === 'file')
  );
}

function removalsOf(world: World, entries: SimulatedPath[]): Action[] {
  return entries.map(
    ({ filesystem, path }) =>
      () =>
        world.paths.delete(pathKey(filesystem, path)),
  );
}

function putsOf(world: World, entries: SimulatedPath[]): Action[] {
  return entries.map((entry) => () => world.paths.set(pathKey(entry.filesystem, entry.path), entry));
}

/** One entry at a time, so that it can be half done. */
function filesRestore(world: World, step: Extract<RestoreStep, { op: 'files-restore' }>): Action[] {
  checkGuards(world, [step.guard]);
  const found = world.snapshots.get(step.snapshot);
  if (found === undefined) throw new StepError(`there is no ${step.snapshot}`);
  return [...removalsOf(world, contentsOf(world, step.guard.dataset)), ...putsOf(world, found.contents)];
}

function rollback(world: World, { snapshots, run }: Extract<RestoreStep, { op: 'zfs-rollback' }>): Action[] {
  const targets = snapshots.map((name) => {
    checkPool(world, name);
    const found = world.snapshots.get(name);
    if (found?.run !== run) throw new StepError(`${name} was not made by this run; nothing was rolled back`);
    const dataset = name.slice(0, name.indexOf('@'));
    const all = [...world.snapshots.values()].filter((each) => each.name.startsWith(`${dataset}@`));
    const newest = all.at(-1)?.name;
    if (newest !== name) throw new StepError(`${newest} is newer than ${name}; nothing was rolled back`);
    return { dataset, contents: found.contents };
  });
  return targets.map(({ dataset, contents }) => () => {
    for (const action of removalsOf(world, contentsOf(world, dataset))) action();
    for (const action of putsOf(world, contents)) action();
  });
}
