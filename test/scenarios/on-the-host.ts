import { emptyInventory } from '../../reconciler/state/inventory.ts';
import { git, type HomeService, home, hub, photo, wiki } from './home.ts';
import {
  after,
  container,
  dataset,
  networksOf,
  removeContainers,
  type Situation,
  settled,
  zfsOf,
} from './settled.ts';

/** Git stayed as it is; somebody or something changed the host. */
const lab = () => settled(home([hub, git, photo]));

export const scenarios: Record<string, () => Situation> = {
  'a host set up by hand is adopted': () =>
    after(lab(), (situation) => {
      situation.inventory = emptyInventory();
      for (const found of Object.values(zfsOf(situation).datasets)) delete found.properties['steward:guid'];
    }),
  'a host set up by hand differs in a container': () =>
    after(lab(), (situation) => {
      situation.inventory = emptyInventory();
      container(situation, 'git-gitea').configHash = 'f00dfeed77';
    }),
  'a property was overridden': () =>
    after(lab(), (situation) => {
      dataset(situation, 'datapool/services/photo').properties.quota = {
        value: '1099511627776',
        source: 'local',
      };
      dataset(situation, 'datapool/services/photo/database').properties.recordsize = {
        value: '131072',
        source: 'default',
      };
    }),
  'a dataset is not mounted under a running stack': () =>
    after(lab(), (situation) => {
      dataset(situation, 'datapool/services/photo').mounted = false;
    }),
  'a mountpoint was moved': () =>
    after(lab(), (situation) => {
      dataset(situation, 'datapool/services/photo').mountpoint = '/mnt/photo';
    }),
  'a dataset vanished': () =>
    after(lab(), (situation) => {
      delete zfsOf(situation).datasets['datapool/services/photo/database'];
    }),
  'an owner was changed, and a mode that is not enforced': () =>
    after(lab(), ({ observed }) => {
      const seen = { type: 'directory' as const, uid: 0, gid: 0, mode: '0755' };
      observed.paths['/datapool/services/photo/library'] = { known: true, value: seen };
    }),
  'the shared group is missing': () =>
    after(lab(), ({ observed }) => {
      if (observed.system.known) delete observed.system.value.groups.labdata;
    }),
  'a container was removed and another stopped': () =>
    after(lab(), (situation) => {
      removeContainers(situation, ({ name }) => name === 'git-gitea');
      Object.assign(container(situation, 'photo-server'), { state: 'exited', exitCode: 137 });
    }),
  'a container was changed by hand': () =>
    after(lab(), (situation) => {
      container(situation, 'git-postgres').configHash = 'bad5eed';
    }),
  'a network is gone': () =>
    after(lab(), (situation) => {
      const docker = networksOf(situation);
      docker.networks = docker.networks.filter(({ name }) => name !== 'git_net');
      for (const found of docker.containers) delete found.networks.git_net;
    }),
  'a network was made anew': () =>
    after(lab(), (situation) => {
      for (const network of networksOf(situation).networks)
        if (network.name === 'git_net') network.id = 'anew';
    }),
  'a container name is taken by somebody else': () =>
    after(lab(), (situation) => {
      removeContainers(situation, ({ name }) => name === 'git-gitea');
      const other = { project: null, service: null, id: 'id-other', name: 'git-gitea' };
      networksOf(situation).containers.push({ ...container(situation, 'git-postgres'), ...other });
    }),
  'a container name is taken by another project': () =>
    after(lab(), (situation) => {
      removeContainers(situation, ({ name }) => name === 'git-gitea');
      const other = { project: 'old-git', service: 'gitea', id: 'id-other', name: 'git-gitea' };
      networksOf(situation).containers.push({ ...container(situation, 'git-postgres'), ...other });
    }),
  'an orphaned container is left': () =>
    after(lab(), (situation) => {
      const left = { id: 'id-cache', name: 'git-cache', service: 'cache' };
      networksOf(situation).containers.push({ ...container(situation, 'git-postgres'), ...left });
    }),
  'a removed network is still used': () =>
    after({ ...settled(home([hub, wiki])), desired: home([hub]) }, (situation) => {
      const user = {
        id: 'id-x',
        name: 'pihole',
        project: null,
        service: null,
        networks: { wiki_net: 'net-wiki_net' },
      };
      networksOf(situation).containers.push({ ...container(situation, 'central_hub'), ...user });
    }),
  'two replicas of three run': () =>
    after(settled(home([scaled])), (situation) => {
      const worker = container(situation, 'jobs-worker-1');
      networksOf(situation).containers.push({ ...worker, id: 'id-2', name: 'jobs-worker-2' });
    }),
};

const scaled: HomeService = {
  name: 'jobs',
  containers: { worker: { image: 'worker:3', replicas: 3, containerName: null } },
};
