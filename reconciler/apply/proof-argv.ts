import { assertNever } from '../../tools/assert-never.ts';
import { findArgs, rawListing } from '../proof/listing.ts';
import type { ProofStep } from '../types.ts';
import { drillArgv, drillStopArgv } from './compose-argv.ts';
import { defaultRunDir, defaultStateDir, mountedArgv } from './mounted.ts';

type StepOf<Op extends ProofStep['op']> = Extract<ProofStep, { op: Op }>;

/** As on a snapshot: which run made it. */
const runProperty = 'steward:run';

/** The commands of checks and restore drills, as a person would type them. */
export function proofArgv(step: ProofStep): string[][] {
  switch (step.op) {
    case 'borg-check':
      return checkArgs(step).map((args) => ['borg', ...args]);
    case 'borg-manifest':
      return manifestArgv(step);
    case 'scratch-create':
      return scratchArgv(step);
    case 'borg-extract-scratch':
      return [extractArgv(step)];
    case 'borg-compare':
      return [listingArgv(step.guard.mountpoint, step.repository.location)];
    case 'drill-start':
      return [[...drillArgv(step.project), '-f', '-', 'up', '-d', '--no-build']];
    case 'drill-stop':
      return [drillStopArgv(step.project)];
    case 'scratch-destroy':
      return [['zfs', 'destroy', step.dataset]];
    default:
      return assertNever(step);
  }
}

/** Borg 1.4 takes --max-duration with --repository-only alone, and goes on from where it stopped. */
export function checkArgs({ repository, mode, maxSeconds }: StepOf<'borg-check'>): string[][] {
  const check = (...options: string[]) => ['check', '--progress', ...options, repository.location];
  if (mode === 'verify-data') return [check('--verify-data')];
  if (mode === 'full') return [check()];
  return [check('--repository-only', '--max-duration', String(maxSeconds)), check('--archives-only')];
}

/** Nothing is asked of borg but what it leaves out, and how much it has listed. */
function manifestArgv(step: StepOf<'borg-manifest'>): string[][] {
  const { repository, archive, excludes } = step;
  const mounted = (argv: string[]) => mountedArgv(step, defaultRunDir, argv);
  return [
    ...(excludes.length === 0 ? [] : [mounted(['borg', ...leftOutArgs(step)])]),
    mounted(listingArgv('.', repository.location)),
    ['borg', ...listArgs(repository.location, archive)],
  ];
}

function listingArgv(root: string, location: string): string[] {
  return ['find', ...findArgs(root, rawListing(defaultStateDir, location))];
}

/**
 * Reads no data and writes no archive; each path that is left out is told, and nothing of what is below it. What is not
 * is told as well, since a dry run has no progress, and borg that is silent for long is ended.
 */
export function leftOutArgs({ repository, archive, excludes }: StepOf<'borg-manifest'>): string[] {
  const patterns = excludes.flatMap((pattern) => ['--exclude', pattern]);
  const target = `${repository.location}::${archive}`;
  return ['create', '--dry-run', '--list', '--filter', 'x-', ...patterns, target, '.'];
}

export function listArgs(location: string, archive: string): string[] {
  return ['list', '--json-lines', `${location}::${archive}`];
}

/**
 * Nothing in it may be run but by a stack that is started on it, and nobody's snapshots are made of it. Not mounted by itself, should the machine go down
 * in the middle; not synced, since it is thrown away.
 */
function scratchArgv(step: StepOf<'scratch-create'>): string[][] {
  const { dataset, mountpoint, run, maxBytes, runs } = step;
  const properties = {
    canmount: 'noauto',
    mountpoint,
    quota: String(maxBytes),
    setuid: 'off',
    devices: 'off',
    exec: runs === true ? 'on' : 'off',
    sync: 'disabled',
    // Else there would be a folder in it that was in no archive.
    snapdir: 'hidden',
    'com.sun:auto-snapshot': 'false',
    [runProperty]: run,
  };
  const options = Object.entries(properties).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return [
    ['zfs', 'create', ...options, dataset],
    ['zfs', 'mount', dataset],
  ];
}

/** Numbers of owners, not names: those of the host mean nothing to a container. */
function extractArgv({ repository, archive, guard }: StepOf<'borg-extract-scratch'>): string[] {
  return ['env', `--chdir=${guard.mountpoint}`, 'borg', ...extractArgs(`${repository.location}::${archive}`)];
}

export function extractArgs(target: string): string[] {
  return ['extract', '--progress', '--numeric-ids', target];
}
