import { type ExecuteOptions, StepError, type StepFacts } from '../reconciler/apply/types.ts';
import type { BackupStep, BorgCreate } from '../reconciler/types.ts';
import { unfinishedBy } from '../tools/borg/archives.ts';
import type { Action } from './actions.ts';
import { statusOf } from './container-status.ts';
import { pauseContainer, startContainer, stopContainer, tellToStop, unpauseContainer } from './containers.ts';
import { onMounted, presentOf } from './ground.ts';
import { checkDocker, checkGuards } from './guards.ts';
import { proofActions, proofFacts } from './proof.ts';
import { addSnapshot, restoreActions } from './restore.ts';
import { nextId, type SimulatedArchive, type SimulatedContainer, type World } from './world.ts';
import { checkPool } from './zfs.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

/** Snapshots, archives and the containers around them, as far as a plan can tell them from the real ones. */
export function backupActions(world: World, step: BackupStep, options: ExecuteOptions): Action[] {
  switch (step.op) {
    case 'container-exec':
      return exec(world, step, options);
    case 'containers-stop':
      return stop(world, step);
    case 'containers-start':
      return start(world, step, options);
    case 'containers-pause':
      return eachContainer(world, step, (id) => pauseContainer(world, id));
    case 'containers-unpause':
      return unpause(world, step, options);
    case 'zfs-snapshot':
      return snapshot(world, step);
    case 'zfs-destroy-snapshots':
      return destroySnapshots(world, step);
    case 'borg-find':
    case 'borg-comment':
    case 'borg-extract':
    case 'require-empty':
    case 'borg-extract-to':
    case 'zfs-rollback':
    case 'snapshot-by-hand':
    case 'files-restore':
      return restoreActions(world, step);
    case 'borg-init':
      return [() => openRepository(world, step)];
    case 'borg-create':
      return create(world, step);
    case 'borg-delete':
      return step.archives.map((name) => () => world.archives.delete(key(step.repository.location, name)));
    case 'borg-list':
    case 'borg-compact':
      return sameRepository(world, step);
    default:
      return proofActions(world, step);
  }
}

/** What the real steps would tell afterwards. */
export function backupFacts(world: World, step: BackupStep): StepFacts {
  switch (step.op) {
    case 'borg-init':
    case 'borg-list':
      return { repository: listing(world, step.repository.location) };
    case 'borg-create': {
      const archive = world.archives.get(key(step.repository.location, step.archive));
      return archive === undefined ? {} : { archive: factsOf(archive) };
    }
    case 'borg-comment':
      return { comment: world.archives.get(key(step.repository.location, step.archive))?.comment ?? '' };
    case 'containers-start':
      return startFacts(world, step);
    case 'borg-check':
    case 'borg-manifest':
    case 'borg-compare':
    case 'drill-start':
      return proofFacts(world, step);
    default:
      return {};
  }
}

/** As a command that ends well; `false` is the one that does not. */
function exec(world: World, step: StepOf<'container-exec'>, { sinceMs }: ExecuteOptions): Action[] {
  checkDocker(world);
  if (sinceMs !== undefined) checkGuards(world, step.guards ?? []);
  const why = whyNotRun(world, step) ?? (step.argv[0] === 'false' ? 'ended with 1' : null);
  if (why === null) return [() => {}];
  throw new StepError(`${step.argv[0]} in container ${step.name} ${why}`, { retryable: false });
}

function whyNotRun(world: World, step: StepOf<'container-exec'>): string | null {
  const container = presentOf(world, step);
  if (container === undefined) return 'was not run: the container is gone';
  return statusOf(world, container).state === 'running' ? null : 'was not run: it is not running';
}

/** Side by side: all of them were told by the time the first is down. */
function stop(world: World, step: StepOf<'containers-stop'>): Action[] {
  return [
    ...eachContainer(world, step, (id) => tellToStop(world, id, 143)),
    ...eachContainer(world, step, (id) => stopContainer(world, id, 143)),
  ];
}

function eachContainer(
  world: World,
  { containers }: StepOf<'containers-stop' | 'containers-pause' | 'containers-unpause'>,
  act: (id: string) => void,
): Action[] {
  checkDocker(world);
  return containers.map((container) => () => act(presentOf(world, container)?.id ?? ''));
}

function unpause(world: World, step: StepOf<'containers-unpause'>, { sinceMs }: ExecuteOptions): Action[] {
  const isDone = (container: SimulatedContainer) => statusOf(world, container).state !== 'paused';
  const { ready, last } = onMounted(world, step.containers, sinceMs, isDone);
  const goOn = eachContainer(world, { ...step, containers: ready }, (id) => unpauseContainer(world, id));
  return [...goOn, ...last];
}

/** `sinceMs`: what may be ending since then ends first, as startAgain has it. */
function start(
  world: World,
  { containers }: StepOf<'containers-start'>,
  { sinceMs }: ExecuteOptions,
): Action[] {
  checkDocker(world);
  const runs = (container: SimulatedContainer) => statusOf(world, container).state === 'running';
  const isOld = ({ startedAtMs }: SimulatedContainer) =>
    sinceMs !== undefined && (startedAtMs ?? 0) <= sinceMs;
  const isDone = (container: SimulatedContainer) => runs(container) && !isOld(container);
  const { ready, last } = onMounted(world, containers, sinceMs, isDone);
  const found = ready.flatMap((each) => presentOf(world, each) ?? []);
  const ending = found.filter((container) => runs(container) && isOld(container));
  return [
    ...ending.map(
      ({ id }) =>
        () =>
          stopContainer(world, id, 143),
    ),
    ...found.flatMap((container) =>
      runs(container) && !ending.includes(container) ? [] : [() => startContainer(world, container.id)],
    ),
    ...last,
  ];
}

function startFacts(world: World, { containers }: StepOf<'containers-start'>): StepFacts {
  const gone = containers.filter((each) => presentOf(world, each) === undefined);
  if (gone.length === 0) return {};
  const failing = gone.map(({ name }) => ({
    container: name,
    message: `container ${name} was not started: it is gone`,
  }));
  return { failed: failing.map(({ message }) => message).join('; '), failing };
}

/** Atomic: one action, whatever the number of datasets. */
function snapshot(world: World, step: StepOf<'zfs-snapshot'>): Action[] {
  checkGuards(
    world,
    step.markers.map(({ guard }) => guard),
  );
  const missing = step.snapshots.filter((name) => world.snapshots.get(name)?.run !== step.run);
  for (const name of missing) {
    const dataset = datasetOf(name);
    if (!world.datasets.has(dataset)) throw new StepError(`the dataset ${dataset} does not exist`);
    if (world.snapshots.has(name)) throw new StepError(`the snapshot ${name} exists and is not of this run`);
  }
  return [
    () => {
      for (const name of missing) addSnapshot(world, name, step.run);
    },
  ];
}

function destroySnapshots(world: World, step: StepOf<'zfs-destroy-snapshots'>): Action[] {
  for (const name of step.snapshots) checkPool(world, name);
  const own = step.snapshots.filter((name) => world.snapshots.get(name)?.run === step.run);
  return own.map((name) => () => world.snapshots.delete(name));
}

function openRepository(world: World, { repository }: StepOf<'borg-init'>): void {
  const { location, encryption } = repository;
  if (!world.repositories.has(location))
    world.repositories.set(location, { location, encryption, id: nextId(world, location) });
}

/** Reads the snapshots; nothing is in the repository until the whole of it was read. */
function create(world: World, step: BorgCreate): Action[] {
  const { location } = step.repository;
  const { id: repositoryId } = repositoryOf(world, location);
  const sources = step.mounts.map(({ snapshot: name }) => {
    const found = world.snapshots.get(name);
    if (found === undefined) throw new StepError(`the snapshot ${name} does not exist`);
    return found;
  });
  const at = key(location, step.archive);
  if (world.archives.has(at)) return [];
  const files = sources.reduce((sum, source) => sum + source.files, 0);
  return [
    () => {
      const id = nextId(world, `archive ${at}`);
      const atMs = sources[0]?.atMs ?? world.now();
      const contents = Object.fromEntries(sources.map(({ name, contents: held }) => [datasetOf(name), held]));
      world.archives.set(at, {
        location,
        name: step.archive,
        id,
        files,
        contents,
        atMs,
        comment: step.comment,
      });
    },
    () => {
      // Borg tells only with the archive which repository it is in.
      if (step.repositoryId === null || step.repositoryId === repositoryId) return;
      throw new StepError(`the repository at ${location} is not the one that was there before`);
    },
  ];
}

function listing(world: World, location: string): NonNullable<StepFacts['repository']> {
  const { id, encryption } = repositoryOf(world, location);
  const own = [...world.archives.values()].filter((archive) => archive.location === location);
  const isLeft = ({ name }: SimulatedArchive) => unfinishedBy(name) !== null;
  const checkpoints = own.filter(isLeft).map(({ name }) => name);
  const whole = own.filter((archive) => !isLeft(archive));
  const archives = whole.map(({ name, id: archiveId, atMs, files, comment }) => {
    const size = { files, originalBytes: files * bytesPerFile };
    const by = /; made by (hand|schedule)$/.exec(comment)?.[1];
    return { name, id: archiveId, atMs, size, byHand: by === undefined ? null : by === 'hand' };
  });
  return { id, encryption, archives, checkpoints };
}

function repositoryOf(world: World, location: string) {
  const found = world.repositories.get(location);
  if (found === undefined) throw new StepError(`there is no Borg repository at ${location}`);
  return found;
}

/** Not one that has taken the place of another. */
function sameRepository(world: World, step: StepOf<'borg-list' | 'borg-compact'>): Action[] {
  const { id, location } = repositoryOf(world, step.repository.location);
  if (step.op === 'borg-list' && step.known !== undefined && step.known.borgId !== id)
    throw new StepError(
      `the repository at ${location} is not the one that was there before, and was left alone; if it is meant to be used, steward forget ${step.known.id}`,
      { isLost: true },
    );
  return [];
}

/** A file stands for a megabyte. */
const bytesPerFile = 1_000_000;

function factsOf({ name, id, files, atMs }: SimulatedArchive): NonNullable<StepFacts['archive']> {
  const originalBytes = files * bytesPerFile;
  const sizes = { originalBytes, compressedBytes: originalBytes / 2, deduplicatedBytes: 0 };
  return { name, id, files, filesRead: 0, ...sizes, durationMs: 0, startMs: atMs, warnings: [] };
}

function key(location: string, archive: string): string {
  return `${location}::${archive}`;
}

function datasetOf(snapshotName: string): string {
  return snapshotName.slice(0, snapshotName.indexOf('@'));
}
