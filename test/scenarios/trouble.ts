import type { ServiceRecord } from '../../reconciler/state/inventory.ts';
import { git, home, hub, photo, wiki } from './home.ts';
import {
  after,
  container,
  emptyHost,
  pushed,
  removeContainers,
  type Situation,
  settled,
  stacksOf,
  zfsOf,
} from './settled.ts';

/** What cannot be done now, and what is said about it. */
const lab = () => settled(home([hub, git, photo]));

export const scenarios: Record<string, () => Situation> = {
  'Docker is down': () =>
    after(lab(), ({ observed }) => {
      observed.docker = {
        known: false,
        error:
          'Docker does not answer at /var/run/docker.sock (connect ENOENT); is it running? systemctl status docker',
      };
    }),
  'a service breaks the policy': () =>
    after(pushed(home([hub, git]), home([hub, git, photo, wiki])), ({ desired }) => {
      const at = { file: 'services/photo/docker-compose.yml', line: 9, column: 5 };
      const own = { ...at, service: 'photo', container: 'photo-server', fix: 'remove it' };
      desired.policy.findings = [
        { ...own, severity: 'error', rule: 'privileged', message: 'photo-server is privileged' },
        { ...own, severity: 'warning', rule: 'root-user', message: 'photo-server runs as root' },
      ];
    }),
  'ZFS hangs': () =>
    after(pushed(home([hub, git]), home([hub, git, photo])), ({ observed }) => {
      observed.zfs = { known: false, error: 'zfs get did not answer within 30 s' };
    }),
  'the pool is not imported': () =>
    after(lab(), (situation) => {
      Object.assign(zfsOf(situation), { pools: [], datasets: {} });
    }),
  'the pool is not imported on a new host': () =>
    after(emptyHost(home([hub, wiki])), (situation) => {
      zfsOf(situation).pools = [];
    }),
  'users and groups cannot be read': () =>
    after(pushed(home([hub]), home([hub, wiki])), ({ observed }) => {
      observed.system = { known: false, error: '/etc/group cannot be read (EACCES)' };
    }),
  'one service is blocked and the other goes on': () =>
    after(pushed(home([hub, git]), home([hub, git, photo, wiki])), (situation) => {
      const other = { id: 'id-other', name: 'photo-server', project: null, service: null };
      const { docker } = situation.observed;
      if (docker.known)
        docker.value.containers.push({ ...container(situation, 'git-postgres'), ...other, networks: {} });
    }),
  'a service waits for a blocked one': () =>
    after(pushed(home([hub, git]), home([hub, git, { ...wiki, dependsOn: ['git'] }])), (situation) => {
      removeContainers(situation, ({ project }) => project === 'git');
      tried(situation, 'git', {
        attempts: 8,
        lastFailed: true,
        lastError: 'git-gitea is unhealthy; docker logs git-gitea',
      });
    }),
  'a container crashes again and again': () =>
    after(lab(), (situation) => {
      Object.assign(container(situation, 'git-gitea'), { state: 'restarting', health: 'unhealthy' });
    }),
  'a container is unhealthy': () =>
    after(lab(), (situation) => {
      container(situation, 'git-gitea').health = 'unhealthy';
    }),
  'a container was paused': () =>
    after(lab(), (situation) => {
      container(situation, 'git-gitea').state = 'paused';
    }),
  'a service backs off': () =>
    after(lab(), (situation) => {
      removeContainers(situation, ({ project }) => project === 'git');
      tried(situation, 'git', {
        attempts: 3,
        lastFailed: true,
        lastError: 'git-gitea: no such image gitea/gitea:1.22.3',
      });
    }),
  'a service is stalled': () =>
    after(lab(), (situation) => {
      removeContainers(situation, ({ project }) => project === 'git');
      tried(situation, 'git', {
        attempts: 8,
        lastFailed: true,
        lastError: 'git-gitea: no such image gitea/gitea:1.22.3',
      });
    }),
  'a file stands where a directory should': () =>
    after(lab(), ({ desired, observed }) => {
      for (const resource of desired.resources)
        if (resource.kind === 'directory' && resource.path.endsWith('/library')) resource.enforce.mode = true;
      observed.paths['/datapool/services/photo/library'] = { known: true, value: { type: 'other' } };
    }),
  'a container left a link where another one mounts a directory': () =>
    after(lab(), (situation) => {
      situation.observed.paths['/datapool/services/photo/library'] = {
        known: true,
        value: { type: 'link' },
      };
      Object.assign(container(situation, 'photo-server'), { state: 'exited', exitCode: 137 });
    }),
  'compose does not say its hashes': () =>
    after(lab(), ({ desired }) => {
      for (const each of stacksOf(desired).filter(({ name }) => name === 'git'))
        for (const one of each.containers) one.configHash = null;
    }),
  'there are warnings': () =>
    after(lab(), ({ desired }) => {
      desired.warnings = [
        {
          file: 'services/photo/docker-compose.yml',
          line: 12,
          column: 7,
          severity: 'warning',
          message:
            '/datapool/services/photo/database is written by server as 1000 and by database as 999; it is given to 1000',
          fix: 'name the owner under `directories` in service.yaml',
        },
      ];
    }),
};

/** A service that was attempted with the configuration that Git still has, three seconds ago. */
function tried({ desired, inventory }: Situation, name: string, over: Partial<ServiceRecord>): void {
  const record = inventory.services.get(name);
  const stack = stacksOf(desired).find((each) => each.name === name);
  if (record === undefined || stack === undefined) throw new Error(`no service ${name}`);
  Object.assign(record, { attemptedInput: stack.inputDigest, lastAttemptMs: 997_000, ...over });
}
