/** Nights in which Steward or the server dies at one place of a backup, and what must be so afterwards. */
import { expect } from 'vitest';
import { archivesOf, later, leftBehind, nextTick, pair, startBackupLab } from './backup-lab.ts';
import type { Homelab } from './homelab.ts';

const dying = 'DUE=1 node /opt/steward/dist/app/dying.js';

/** Every step that a backup can have: hooks, a manifest for drills, and an archive of the night before that goes. */
const service = `version: 1
dataset: { children: { data: {} } }
backup:
  schedule: "0 3 * * *"
  timezone: UTC
  retention: { daily: 1 }
  hooks:
    before: [{ container: pair-web, exec: [sleep, "1"] }]
    after: [{ container: pair-web, exec: [sleep, "1"] }]
`;

export async function startDyingLab(): Promise<Homelab> {
  const files = { ...pair, 'services/pair/service.yaml': service };
  const lab = await startBackupLab(files, '  drill: { schedule: "0 5 1 1 *" }\n');
  // The first archive takes longest; what dies later is a backup as on any other night.
  expect((await lab.steward('backup run pair')).exitCode).toBe(0);
  return lab;
}

/** In their order; `#2` is the second of its kind. */
const ops = [
  'container-exec#1',
  'containers-stop',
  'zfs-snapshot',
  'containers-start',
  'container-exec#2',
  'borg-create',
  'borg-manifest',
  'zfs-destroy-snapshots',
  'borg-delete',
  'borg-compact',
] as const;

export interface Place {
  where: 'before' | 'middle' | 'after';
  op: (typeof ops)[number];
}

export const places: Place[] = ops.flatMap((op) =>
  (['before', 'middle', 'after'] as const).map((where) => ({ where, op })),
);

/** A night whose backup dies at this place, by `death`; then the next start, and the next attempt. */
export async function night(lab: Homelab, place: Place, death: typeof killed): Promise<void> {
  const newest = (await archivesOf(lab, 'pair')).at(-1);
  const tick = await nextTick(lab);
  await death(lab, place);
  await lab.reconcile();
  await expectWhole(lab);
  // Whatever goes from the repository: not the newest archive, unless there is one of this night.
  const made = `pair-${tick}`;
  const archives = await archivesOf(lab, 'pair');
  expect(archives.includes(newest ?? '') || archives.includes(made)).toBe(true);
  await later(lab);
  await lab.converge();
  await expectWhole(lab);
  expect(await archivesOf(lab, 'pair')).toContain(made);
}

export async function killed(lab: Homelab, { where, op }: Place): Promise<void> {
  const said = await lab.run(`${dying} pair ${op} ${where} die; echo $?`);
  expect(said).toMatch(/reached\n(.*\n)?137/);
}

export async function unplugged(lab: Homelab, { where, op }: Place): Promise<void> {
  const started = `${dying} pair ${op} ${where} hang > /tmp/dying.log 2>&1 & pid=$!`;
  const until =
    'until grep -q reached /tmp/dying.log; do kill -0 $pid || { cat /tmp/dying.log >&2; exit 1; }; sleep 0.1; done';
  const cutAt = (await lab.run(`${started}; ${until}; date +%s`)).trim();
  await lab.vm.powerCut();
  // The clock of a real server goes on without power; this one begins with that of the host.
  await lab.run(`date -s @$((${cutAt} + 60)); systemctl is-system-running --wait; docker info > /dev/null`);
}

async function expectWhole(lab: Homelab): Promise<void> {
  const containers = Object.entries(await lab.containers());
  expect(containers.map(([name, { status }]) => `${name} ${status}`)).toEqual([
    'pair-store running',
    'pair-web running',
  ]);
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
}
