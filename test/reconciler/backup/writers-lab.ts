import { afterEach, beforeEach } from 'vitest';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';
import type { Change, Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

/** A film server that puts its pictures among the photos of somebody else, as an exception of the policy allows. */

export const photos = '/datapool/services/photo';
const parent = build.dataset('datapool/services', { setsMountpoint: true, service: null });
const service = (name: string, containers: Parameters<typeof build.container>[], backup = {}) => [
  build.dataset(`datapool/services/${name}`, { needs: [parent.id] }),
  build.stack(name, {
    containers: containers.map((given) => build.container(...given)),
    needs: ['photo', 'media'].map((each) => `zfs-dataset:datapool/services/${each}` as const),
  }),
  build.repository(name),
  build.backup(name, { schedule: null, ...backup }),
];
const own = (name: string): Parameters<typeof build.container> => [name, { containerName: `photo-${name}` }];
const films = (over = {}): Parameters<typeof build.container> => [
  'films',
  { containerName: 'media-films', bindMounts: [`${photos}/posters`], ...over },
];

/** The lab of the test that runs: a new one for each. */
export let lab: LabRun;
const begun: LabRun[] = [];

export function desired(photo: Partial<DesiredBackup> = {}, media: Partial<DesiredBackup> = {}) {
  const web = ['web', { containerName: 'media-web' }] as Parameters<typeof build.container>;
  return build.desired([
    parent,
    ...service('photo', [own('db'), own('server')], photo),
    ...service('media', [films(), web], media),
  ]);
}

export function begin(...backups: Parameters<typeof desired>) {
  lab = labRun(desired(...backups));
  begun.push(lab);
  return lab.cycle();
}

beforeEach(() => begin());
afterEach(() => {
  for (const each of begun.splice(0)) each.end();
});

export const asked = (...services: string[]) => ({
  services,
  atMs: lab.now(),
  together: services.length > 1,
});

export async function planned(...services: string[]): Promise<Change> {
  const { plan } = await lab.cycle({ dry: true, asked: asked(...services) });
  const change = plan?.changes.find(({ kind }) => kind === 'backup');
  if (change === undefined) throw new Error('nothing is planned');
  return change;
}

export async function backUp(...services: string[]) {
  return lab.beside(await lab.cycle({ dry: true, asked: asked(...services) }));
}

export async function look(): Promise<ObservedContainer[]> {
  const found = await lab.host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return found.value;
}

export async function running(): Promise<string[]> {
  return (await look()).flatMap(({ state, name }) => (state === 'running' ? name : [])).sort();
}

export const all = ['media-films', 'media-web', 'photo-db', 'photo-server'];
export const byHand = (over: Partial<ObservedContainer> = {}) =>
  lab.host.addContainer({ name: 'browser', writes: [`${photos}/library`], ...over });

export function faultAt(op: Step['op'], after: StepFault['after'], how: StepFault['how'], times = 1): void {
  lab.host.faults = { steps: [{ when: { op }, how, after, times }] };
}
