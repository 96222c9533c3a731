import { git, type HomeService, home, hub, photo, wiki } from './home.ts';
import {
  after,
  before,
  emptyHost,
  networksOf,
  pushed,
  removeContainers,
  type Situation,
  settled,
} from './settled.ts';

/** A commit came: what it makes, changes and takes away. */
const lab = [hub, git, photo];

const newerGitea: HomeService = {
  ...git,
  containers: {
    ...git.containers,
    gitea: { ...git.containers.gitea, image: 'gitea/gitea:1.24.6' },
  },
};

const otherPassword: HomeService = {
  ...git,
  containers: {
    ...git.containers,
    gitea: {
      image: 'gitea/gitea:1.22.3',
      fields: { 'environment.GITEA__database__PASSWD': '#bb22', 'environment.TZ': 'Europe/Rome' },
      hasHealthcheck: true,
    },
  },
};

const otherCaddyfile: HomeService = {
  ...hub,
  containers: {
    caddy: {
      image: 'caddy:2.10.2',
      containerName: 'central_hub',
      files: { 'services/central_hub/Caddyfile': 'decade2bb' },
    },
  },
};

const migrated: HomeService = {
  ...wiki,
  containers: {
    ...wiki.containers,
    migrate: { image: 'dokuwiki-migrate:1', oneShot: true },
  },
};

const many = ['audio', 'books', 'chat', 'docs', 'feeds'].map(
  (name): HomeService => ({ name, containers: { app: { image: `${name}:1` } } }),
);

const renamed: HomeService = {
  ...wiki,
  name: 'pages',
  containers: { dokuwiki: { image: 'dokuwiki:2025.05', containerName: 'wiki-dokuwiki' } },
};

export const scenarios: Record<string, () => Situation> = {
  'the first run on an empty host': () => emptyHost(home(lab)),
  'nothing to do': () => settled(home(lab)),
  'a service is added': () => pushed(home([hub, git]), home(lab)),
  'an image is newer': () => pushed(home(lab), home([hub, newerGitea, photo])),
  'an image is newer and the downtime was measured': () =>
    after(pushed(home(lab), home([hub, newerGitea, photo])), ({ inventory }) => {
      const record = inventory.services.get('git');
      if (record !== undefined) record.downtimeMs = 11_400;
    }),
  'a secret variable changed': () => pushed(home(lab), home([hub, otherPassword, photo])),
  'a mounted file changed': () => pushed(home(lab), home([otherCaddyfile, git, photo])),
  'a property is declared and another no more': () =>
    pushed(home(lab), home([hub, git, { ...photo, properties: { quota: '1099511627776', atime: 'off' } }])),
  'a container left the compose file': () =>
    pushed(
      home([hub, { ...git, containers: { ...git.containers, cache: { image: 'valkey:8' } } }]),
      home([hub, git]),
    ),
  'a service is removed': () => pushed(home([hub, git, photo, wiki]), home([hub, git, photo])),
  'a service was removed and its data is orphaned': () =>
    after(pushed(home([hub, git, wiki]), home([hub, git])), (situation) => {
      removeContainers(situation, ({ project }) => project === 'wiki');
      const docker = networksOf(situation);
      docker.networks = docker.networks.filter(({ name }) => name !== 'wiki_net');
      for (const entry of situation.inventory.entries.values())
        if (entry.service === 'wiki') entry.orphanedSince = before;
    }),
  'everything is removed': () => pushed(home(lab), home([])),
  'more is removed than allowed': () => pushed(home([hub, ...many]), home([hub, ...many.slice(4)])),
  'everything is removed and approved': () =>
    after(pushed(home(lab), home([])), ({ inventory, desired }) =>
      inventory.approvals.add(desired.commit.id),
    ),
  'a service is suspended': () => pushed(home(lab), home([hub, newerGitea, photo], { suspended: ['git'] })),
  'a folder is renamed and keeps its container name': () => pushed(home([hub, wiki]), home([hub, renamed])),
  'a one-shot is done': () =>
    after(settled(home([hub, migrated])), (situation) => {
      const docker = networksOf(situation);
      docker.containers = docker.containers.map((each) =>
        each.service === 'migrate' ? { ...each, state: 'exited', exitCode: 0 } : each,
      );
    }),
  'the pool of subnets is exhausted': () =>
    pushed(
      home([hub, git], { networkPool: { cidr: '10.88.0.0/25', prefix: 26 } }),
      home([hub, git, photo], { networkPool: { cidr: '10.88.0.0/25', prefix: 26 } }),
    ),
  'a fixed subnet is not the one it has': () =>
    pushed(home([hub, git]), home([hub, { ...git, subnet: '10.99.0.0/24' }])),
};
