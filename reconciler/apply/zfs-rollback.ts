import type { RestoreStep } from '../types.ts';
import { rollbackArgv } from './restore-argv.ts';
import { ownerOf, type SnapshotOptions } from './snapshot.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type Rollback = Extract<RestoreStep, { op: 'zfs-rollback' }>;

/** All are looked at before one is touched. A second time it changes nothing. */
export async function rollBackSnapshots(step: Rollback, options: SnapshotOptions): Promise<void> {
  for (const snapshot of step.snapshots) await requireOurs(snapshot, step.run, options);
  for (const snapshot of step.snapshots) await requireNewest(snapshot, options);
  for (const snapshot of step.snapshots) await zfs(rollbackArgv(snapshot), options);
}

async function requireOurs(snapshot: string, run: string, options: ToolOptions): Promise<void> {
  const owner = await ownerOf(snapshot, options);
  if (owner === run) return;
  const why = typeof owner === 'symbol' ? 'is gone' : 'was not made by this restore';
  const wayOut = 'only restoring all of it anew helps: steward restore';
  throw new StepError(`${snapshot} ${why}; nothing was rolled back, and ${wayOut}`, { retryable: false });
}

/** ZFS would say so as well, but only when datasets before this one are back already. */
async function requireNewest(snapshot: string, options: ToolOptions): Promise<void> {
  const dataset = snapshot.slice(0, snapshot.indexOf('@'));
  const argv = [
    'zfs',
    'list',
    '-H',
    '-d',
    '1',
    '-t',
    'snapshot,bookmark',
    '-o',
    'name,createtxg',
    '-p',
    dataset,
  ];
  const rows = (await zfs(argv, options)).split('\n').map((line) => line.split('\t'));
  const txgOf = (name: string) => Number(rows.find(([each]) => each === name)?.[1] ?? Number.NaN);
  const newer = rows.filter(([, txg]) => Number(txg) > txgOf(snapshot)).map(([name]) => name);
  if (newer.length === 0) return;
  const them = newer.length === 1 ? 'it is' : 'they are';
  throw new StepError(
    `${newer.join(', ')} would be destroyed by going back to ${snapshot}; nothing was rolled back until ${them} gone`,
  );
}

function zfs(argv: string[], { commands, timeoutMs, signal }: ToolOptions): Promise<string> {
  return callTool(argv, { commands, timeoutMs, signal, env: { LC_ALL: 'C' } });
}
