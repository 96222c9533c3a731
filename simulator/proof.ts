import { StepError, type StepFacts } from '../reconciler/apply/types.ts';
import type { Manifest, ProofStep } from '../reconciler/types.ts';
import { assertNever } from '../tools/assert-never.ts';
import type { Action } from './actions.ts';
import { parentOf, type World } from './world.ts';
import { addDataset, removeDataset, unmountTree } from './zfs.ts';

type StepOf<Op extends ProofStep['op']> = Extract<ProofStep, { op: Op }>;

/** Checks and restore drills, as far as a plan can tell them from the real ones. */
export function proofActions(world: World, step: ProofStep): Action[] {
  switch (step.op) {
    case 'borg-check':
      if (!world.repositories.has(step.repository.location))
        throw new StepError(`there is no Borg repository at ${step.repository.location}`);
      return [];
    case 'borg-manifest':
      archiveOf(world, step.repository.location, step.archive);
      return [];
    case 'scratch-create':
      return create(world, step);
    case 'borg-extract-scratch':
      return extract(world, step);
    case 'borg-compare':
      return [];
    case 'drill-start':
      return startDrill(world, step);
    case 'drill-stop':
      return world.settings.has(step.project) ? [() => world.settings.delete(step.project)] : [];
    case 'scratch-destroy':
      return destroy(world, step);
    default:
      return assertNever(step);
  }
}

/** What the real steps would tell afterwards. */
export function proofFacts(world: World, step: ProofStep): StepFacts {
  switch (step.op) {
    case 'borg-check':
      return checkFacts(world, step);
    case 'borg-manifest': {
      const { files } = archiveOf(world, step.repository.location, step.archive);
      return { manifest: { archive: step.archive, entries: files, bytes: files * 1_000_000, sample: [] } };
    }
    case 'borg-compare':
      return compareFacts(world, step.manifest, step.guard.dataset);
    case 'drill-start':
      return { drill: { archive: step.archive, entries: 0, difference: null } };
    default:
      return {};
  }
}

/** A repository that a test has damaged; only reading the data finds damage in the data. */
function checkFacts(world: World, { repository, mode }: StepOf<'borg-check'>): StepFacts {
  const { location } = repository;
  const damage = world.repositories.get(location)?.damage;
  if (damage === undefined || (damage === 'data' && mode !== 'verify-data'))
    return { check: { mode, damaged: false, messages: [] } };
  const failed = `borg check found damage in ${location}`;
  return { check: { mode, damaged: true, messages: [damage] }, failed };
}

function compareFacts(world: World, { archive, entries, sample }: Manifest, dataset: string): StepFacts {
  const found = Number(world.datasets.get(dataset)?.local['sim:files'] ?? 0);
  const [wrong] = sample;
  const what =
    wrong === undefined
      ? `there are ${found} files and folders, not ${entries}`
      : `${wrong.path} has other content`;
  const drill = { archive, entries, difference: null };
  if (found === entries && wrong === undefined) return { drill };
  const difference = `${archive} does not restore to what was archived: ${what}`;
  return { drill: { ...drill, difference }, failed: difference };
}

function archiveOf(world: World, location: string, name: string) {
  const found = world.archives.get(`${location}::${name}`);
  if (found === undefined) throw new StepError(`there is no archive ${name} in ${location}`);
  return found;
}

function create(world: World, { dataset, mountpoint, run }: StepOf<'scratch-create'>): Action[] {
  if (world.datasets.has(dataset)) throw new StepError(`${dataset} is there and was not made by this drill`);
  if (!world.datasets.has(parentOf(dataset))) throw new StepError(`cannot create '${dataset}': no parent`);
  const local = { canmount: 'noauto', mountpoint, 'steward:run': run };
  const mount = () => {
    const made = world.datasets.get(dataset);
    if (made !== undefined) world.datasets.set(dataset, { ...made, mountedAt: mountpoint });
  };
  return [() => addDataset(world, dataset, local), mount];
}

function extract(world: World, { repository, archive, guard }: StepOf<'borg-extract-scratch'>): Action[] {
  const { files } = archiveOf(world, repository.location, archive);
  const scratch = world.datasets.get(guard.dataset);
  if (scratch?.mountedAt !== guard.mountpoint) throw new StepError(`${guard.dataset} is not mounted`);
  const holding = (count: number) => () => {
    const local = { ...scratch.local, 'sim:files': String(count) };
    world.datasets.set(guard.dataset, { ...scratch, local });
  };
  return [holding(Math.floor(files / 2)), holding(files)];
}

/** A drill's stack runs or does not: nobody looks into it. */
function startDrill(world: World, { project, guard }: StepOf<'drill-start'>): Action[] {
  if (world.datasets.get(guard.dataset)?.mountedAt !== guard.mountpoint)
    throw new StepError(`${guard.dataset} is not mounted`);
  return [() => world.settings.set(project, 1)];
}

function destroy(world: World, { dataset, run }: StepOf<'scratch-destroy'>): Action[] {
  if (world.datasets.get(dataset)?.local['steward:run'] !== run) return [];
  return [() => unmountTree(world, dataset), () => removeDataset(world, dataset)];
}
