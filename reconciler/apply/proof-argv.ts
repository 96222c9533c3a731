import { assertNever } from '../../tools/assert-never.ts';
import type { ProofStep } from '../types.ts';
import { drillArgv, drillStopArgv } from './compose-argv.ts';

type StepOf<Op extends ProofStep['op']> = Extract<ProofStep, { op: Op }>;

/** As on a snapshot: which run made it. */
const runProperty = 'steward:run';

/** The commands of checks and restore drills, as a person would type them. */
export function proofArgv(step: ProofStep): string[][] {
  switch (step.op) {
    case 'borg-check':
      return checkArgs(step).map((args) => ['borg', ...args]);
    case 'borg-manifest':
      return [['borg', ...listArgs(step.repository.location, step.archive)]];
    case 'scratch-create':
      return scratchArgv(step);
    case 'borg-extract-scratch':
      return [extractArgv(step)];
    case 'borg-compare':
      return [['borg', ...listArgs(step.repository.location, step.manifest.archive)]];
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

export function listArgs(location: string, archive: string): string[] {
  return ['list', '--json-lines', `${location}::${archive}`];
}

/**
 * Nothing in it may be run, and nobody's snapshots are made of it. Not mounted by itself, should the machine go down
 * in the middle; not synced, since it is thrown away.
 */
function scratchArgv({ dataset, mountpoint, run, maxBytes }: StepOf<'scratch-create'>): string[][] {
  const properties = {
    canmount: 'noauto',
    mountpoint,
    quota: String(maxBytes),
    setuid: 'off',
    devices: 'off',
    exec: 'off',
    sync: 'disabled',
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
