import { describe, expect, test } from 'vitest';
import type { Files } from './lab-folder.ts';
import { smallLab } from './lab-folder.ts';
import { compose, files, hub, lab, net, readerOf, stateOf } from './policy-lab.ts';

/** Ways out of a container that a commit of somebody else could take, one by one. */
async function told(photo: string, over: Files = {}, reader = 'built-in'): Promise<string[]> {
  const { findings } = (await stateOf(files(photo, over), await readerOf(reader))).policy;
  return findings.map(({ rule, severity, message, line }) => `${rule} ${severity}@${line}: ${message}`);
}

const doors: [what: string, more: string, expected: string[]][] = [
  [
    'the network of a stranger',
    'network_mode: "container:git"',
    ['host-namespaces error@7: server has the network of the container git'],
  ],
  [
    'the network of another service',
    'network_mode: hub_net',
    ['shared-network error@7: photo is on hub_net together with hub'],
  ],
  [
    'the bridge of everybody',
    'network_mode: bridge',
    ["shared-network error@7: photo is on Docker's own bridge, with every container that names no network"],
  ],
  ['the network of its own container', 'network_mode: "service:db"', []],
  ['no network', 'network_mode: none', []],
  [
    'mounts of a stranger',
    'volumes_from: ["container:git"]',
    ['outside-bind-mount error@7: server has all mounts of the container git'],
  ],
  ['mounts of its own container', 'volumes_from: [db]', []],
  ['graphics cards', 'gpus: all', ['devices error@7: server has graphics cards']],
  [
    'reserved devices',
    'deploy: { resources: { reservations: { devices: [{ capabilities: [gpu] }] } } }',
    ['devices error@7: server has devices by their driver'],
  ],
  ['another runtime', 'runtime: sysbox', ['runtime-settings error@7: server is run by sysbox']],
  ['the usual runtime', 'runtime: runc', []],
  [
    'another group of processes',
    'cgroup_parent: system.slice',
    ['runtime-settings error@7: server is counted as part of system.slice'],
  ],
  [
    'settings of the kernel',
    'sysctls: { net.ipv4.ip_forward: 1, kernel.core_pattern: "|/x", net.a/../../kernel/x: 1 }',
    [
      'runtime-settings error@7: server sets kernel.core_pattern of the kernel',
      'runtime-settings error@7: server sets net.a/../../kernel/x of the kernel',
    ],
  ],
  [
    'a log elsewhere',
    'logging: { driver: syslog, options: { syslog-address: "tcp://x:1" } }',
    ['runtime-settings error@7: server logs to syslog'],
  ],
  ['a log of its own', 'logging: { driver: local, options: { max-size: 10m } }', []],
  [
    'walls of the kernel',
    'security_opt: ["no-new-privileges:true", "label:type:spc_t", "seccomp:./p.json", "apparmor=mine", "systempaths=unconfined"]',
    [
      'privileged error@7: server sets for itself a wall of the kernel: label:type:spc_t',
      'privileged error@7: server sets for itself a wall of the kernel: seccomp:./p.json',
      'privileged error@7: server sets for itself a wall of the kernel: apparmor=mine',
      'privileged error@7: server gives up a wall of the kernel: systempaths=unconfined',
    ],
  ],
  [
    'groups of the server',
    'group_add: [docker, "6", "1500", 33]',
    [
      "capabilities error@7: server is in the group docker, which is the server's own",
      "capabilities error@7: server is in the group 6, which is the server's own",
      "capabilities error@7: server is in the group 33, which is the server's own",
    ],
  ],
  [
    'hooks',
    'post_start: [{ command: [x], privileged: true }]\npre_stop: [{ command: [x], user: root }, { command: [x] }]',
    [
      'privileged error@7: post_start of server is privileged',
      'privileged error@8: server is not root, and its pre_stop is',
    ],
  ],
  [
    'what builds it',
    'build: { context: ., privileged: true, entitlements: [security.insecure], network: host, ssh: [default], cache_to: ["type=local,dest=/etc"] }',
    [
      'host-namespaces error@7: server is built on the network of the host',
      'privileged error@7: server is built with all rights',
      'privileged error@7: server is built with the right security.insecure',
      'server-environment error@7: server is built with the SSH keys of the server',
      'unjudged error@7: server has build.cache_to: it writes where it says, as root',
    ],
  ],
  ['an image of its own', 'build: { context: ., args: { A: b }, target: x }', []],
  [
    'a mount that others see',
    'volumes: [{ type: bind, source: /tank/services/photo/d, target: /d, bind: { propagation: rshared } }]',
    [
      'outside-bind-mount error@7: server mounts /d as rshared: what is mounted in the container is on the server too',
    ],
  ],
  [
    'a network by other means',
    'networks: { photo_net: { driver_opts: { com.docker.network.endpoint.sysctls: x } } }',
    ['network-driver error@7: server joins photo_net with com.docker.network.endpoint.sysctls'],
  ],
];

/** As `compose`, with a second container, and without the network where a mode is given. */
function photo(more: string, below = net): string {
  const own = /^network(s|_mode):/.test(more) ? '' : '    networks: [photo_net]\n';
  const lines = more.split('\n').map((line) => `    ${line}\n`);
  const head = (name: string) => `  ${name}:\n    image: "photo:1"\n    restart: always\n    user: "1000"\n`;
  const db = `${head('db')}    networks: [photo_net]\n`;
  return `services:\n${head('server')}${own === '' ? '    x-own: 1\n' : own}${lines.join('')}${db}${below}`;
}

describe.each(['built-in', 'docker compose'])('read by %s', (reader) => {
  test.each(doors)('%s', async (_what, more, expected) => {
    expect((await told(photo(more), {}, reader)).sort()).toEqual([...expected].sort());
  });
});

describe('networks', () => {
  test.each([
    ['host', 'the network of the host'],
    ['bridge', "Docker's own bridge, with every container that names no network"],
    ['none', "Docker's own network none"],
  ])('%s is of Docker itself', async (name, what) => {
    const below = `networks: { n: { name: ${name}, external: true } }\n`;
    expect(await told(compose('', below).replace('[photo_net]', '[n]'))).toEqual([
      `shared-network error@7: photo is on ${what}`,
    ]);
  });

  test.each([
    ['driver: macvlan', 'is made by the driver macvlan'],
    ['driver_opts: { com.docker.network.bridge.name: eth0 }', 'is made with com.docker.network.bridge.name'],
    ['ipam: { config: [{ subnet: 192.168.1.0/24 }] }', 'chooses its addresses itself'],
    ['ipam: { driver: dhcp }', 'has addresses from dhcp'],
  ])('that are made with %s', async (text, what) => {
    const below = `networks: { photo_net: { ${text} } }\n`;
    const errors = (await told(compose('', below))).filter((each) => each.includes(' error@'));
    expect(errors).toEqual([`network-driver error@9: the network photo_photo_net ${what}`]);
  });

  test('a narrower one is harmless', async () => {
    const below =
      'networks: { photo_net: { internal: true, driver: bridge, driver_opts: { com.docker.network.driver.mtu: 1400 } } }\n';
    expect(await told(compose('', below))).toEqual([]);
  });

  const member = (name: string, network: string) =>
    `services:\n  ${name}: { image: "x:1", user: "1", restart: always, networks: [${network}] }\nnetworks: { ${network}: { external: true } }\n`;

  test('of a service whose name begins with that of another are that one’s own', async () => {
    const over = { 'services/photo-web/docker-compose.yml': member('photo-web', 'photo-web_net') };
    expect(await told(compose(), over)).toEqual([]);
    expect(await told(compose('', net).replaceAll('photo_net', 'photo-web_net'), over)).toEqual([
      'shared-network error@7: photo is on photo-web_net together with photo-web',
      'shared-network error@2: photo-web is on photo-web_net together with photo',
    ]);
  });

  test('of a service that is not on it are that one’s all the same', async () => {
    const over = { 'services/git/docker-compose.yml': member('git', 'photo_web') };
    expect(await told(compose(), over)).toEqual([
      'shared-network error@2: git is on photo_web, which is the network of photo',
    ]);
  });
});

describe('volumes', () => {
  const volume = (text: string) =>
    told(compose('volumes: ["disk:/d"]', `${net}volumes: { disk: { ${text} } }\n`));

  test.each([
    ['driver: rclone', 'which rclone gives'],
    [
      'driver_opts: { type: nfs, o: "addr=10.0.0.1", device: ":/x" }',
      'which is not a plain folder of the server',
    ],
    [
      'driver_opts: { type: cifs, o: "username=a,password=b", device: "//x/y" }',
      'which is not a plain folder of the server',
    ],
    [
      'driver_opts: { type: overlay, o: "bind,lowerdir=/,upperdir=/a", device: overlay }',
      'which is not a plain folder of the server',
    ],
    ['driver_opts: { type: ext4, device: /dev/sda1 }', 'which is not a plain folder of the server'],
    [
      'driver_opts: { type: none, o: "bind,rshared", device: /tank/services/photo/d }',
      'which is not a plain folder of the server',
    ],
    [
      'driver_opts: { type: none, o: bind, device: /tank/services/photo/d, x: y }',
      'which is not a plain folder of the server',
    ],
  ])('with %s', async (text, what) => {
    expect(await volume(text)).toEqual([
      `outside-bind-mount error@10: server mounts the volume disk, ${what}`,
    ]);
  });

  test('that are a folder of the server are judged as such', async () => {
    const folder = (device: string) => volume(`driver_opts: { type: none, o: "bind,ro", device: ${device} }`);
    expect(await folder('/')).toEqual([
      'outside-bind-mount error@8: server mounts /, which is the whole server',
    ]);
    expect(await folder('/tank/services/photo/d')).toEqual([]);
  });

  test('of others, whoever made them', async () => {
    expect(await volume('name: hub_data')).toEqual([
      'outside-bind-mount error@10: photo takes the volume hub_data, which is a volume of hub',
    ]);
    expect(await volume('name: data, external: true')).toEqual([
      'outside-bind-mount error@10: photo takes the volume data, which is not of this service by its name',
    ]);
    expect(await volume('name: paperless_data')).toEqual([
      'outside-bind-mount error@10: photo takes the volume paperless_data, which is not of this service by its name',
    ]);
    expect(await volume('name: photo_data, external: true')).toEqual([]);
    expect(await volume('name: photo')).toEqual([]);
    expect(await volume('labels: { a: b }')).toEqual([]);
  });
});

describe('the checkout', () => {
  const mount = (text: string, over: Files = {}) => told(compose(`volumes: ["${text}"]`), over);

  test.each([
    ['./conf:/c', 'server can write to services/photo/conf, out of which root runs this service'],
    ['.:/c', 'server can write to services/photo, out of which root runs this service'],
    ['../hub/x:/c:ro', 'server mounts services/hub/x, which is of hub'],
    ['../..:/c:ro', 'server mounts the whole repository, which holds the files of every service'],
    ['..:/c:ro', 'server mounts services, which holds the files of every service'],
    ['../../.git:/c:ro', 'server mounts .git, which holds everything that ever was in the repository'],
    ['../_shared/x:/c', 'server can write to services/_shared/x, out of which root runs this service'],
  ])('%s', async (text, message) => {
    expect(await mount(text)).toEqual([`outside-bind-mount error@8: ${message}`]);
  });

  test.each(['./conf:/c:ro', '../_shared/x:/c:ro', '../../certs:/c:ro'])('%s is harmless', async (text) => {
    expect(await mount(text)).toEqual([]);
  });
});

describe('the environment of root', () => {
  test.each(['secrets', 'configs'])('%s out of it', async (part) => {
    const below = `${net}${part}: { key: { environment: HOME } }\n`;
    expect(await told(compose(`${part}: [key]`, below))).toEqual([
      `server-environment error@10: the ${part.slice(0, -1)} key is the variable HOME, which no file of the service sets`,
    ]);
    const own = below.replace('HOME', 'KEY');
    expect(await told(compose(`${part}: [key]`, own), { 'services/photo/.env': 'KEY=x\n' })).toEqual([]);
  });
});

test('a lab without storage knows places that hold no data all the same', async () => {
  const without = lab.replace(/storage: .*\n/, '');
  const mount = (text: string) => told(compose(`volumes: ["${text}"]`), { 'lab.yaml': without });
  expect(without).not.toBe(lab);
  expect(smallLab).toContain('storage');
  for (const place of ['/home/me', '/home/me/.ssh', '/home/me/a/.config/x', '/var/spool/cron'])
    expect(await mount(`${place}:/x`)).toEqual([
      `outside-bind-mount error@8: server mounts ${place}, which is no place for data`,
    ]);
  for (const place of ['/home/me/photos', '/srv/photos', '/mnt/disk'])
    expect(await mount(`${place}:/x`)).toEqual([]);
});

test('the hub needs no exception', async () => {
  expect(await told(compose(), { 'services/hub/docker-compose.yml': hub })).toEqual([]);
});
