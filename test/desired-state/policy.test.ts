import { describe, expect, test } from 'vitest';
import { rules } from '../../desired-state/policy/rules/index.ts';
import { ruleIds } from '../../desired-state/schema/rule-ids.ts';
import type { PolicyFinding } from '../../desired-state/types.ts';
import { type Files, smallLab } from './lab-folder.ts';
import { compose, files, hub, lab, net, problemsOf, stateOf } from './policy-lab.ts';

async function findings(photo: string, over: Files = {}): Promise<PolicyFinding[]> {
  return (await stateOf(files(photo, over))).policy.findings;
}

async function told(photo: string, over: Files = {}): Promise<string[]> {
  const found = await findings(photo, over);
  return found.map(({ rule, message, line }) => `${rule}@${line}: ${message}`);
}

test('a service that keeps every rule', async () => {
  expect(await findings(compose())).toEqual([]);
});

test('every rule is there under its name, with a sentence why', () => {
  expect(Object.keys(rules)).toEqual([...ruleIds]);
  for (const [id, rule] of Object.entries(rules)) {
    expect(rule.id).toBe(id);
    expect(rule.why).toMatch(/^[A-Z].*\.$/);
    expect(rule.fix).not.toMatch(/\.$/);
    expect(rule.check ?? rule.across).toBeDefined();
  }
});

test.each([
  ['container_name: hub, ', 'hub'],
  ['', 'hub-caddy-1'],
])('only the hub itself has ports, and nothing beside it (%s%s)', async (named, container) => {
  const db =
    'image: "postgres:17.2", restart: always, user: "1000", networks: [hub_net], ports: ["5432:5432"]';
  const written = hub.replace('container_name: hub, ', named).replace('\n', `\n  db: { ${db} }\n`);
  const tree = { 'lab.yaml': lab.replace('container: hub', `container: ${container}`) };
  const found = await findings(compose(), { ...tree, 'services/hub/docker-compose.yml': written });
  const ports = found.filter(({ rule }) => rule === 'host-ports');
  expect(ports.map(({ service, message }) => `${service}: ${message}`)).toEqual([
    'hub: db is reached at 5432 of the host (5432/tcp)',
  ]);
  expect(ports[0]?.fix).toContain(`only ${container}`);
});

const cases: [what: string, more: string, expected: string[]][] = [
  ['a port', 'ports: ["8080:80"]', ['host-ports@8: server is reached at 8080 of the host (80/tcp)']],
  [
    'a port at one address',
    'ports:\n  - "127.0.0.1:53:53/udp"',
    ['host-ports@9: server is reached at 127.0.0.1:53 of the host (53/udp)'],
  ],
  ['any port', 'ports: ["80"]', ['host-ports@8: server is reached at a free port of the host (80/tcp)']],
  ['all rights', 'privileged: true', ['privileged@8: server is privileged']],
  [
    'an open wall',
    'security_opt: ["seccomp:unconfined", "no-new-privileges:true"]',
    ['privileged@8: server gives up a wall of the kernel: seccomp:unconfined'],
  ],
  [
    'capabilities',
    'cap_add: [cap_sys_admin, CHOWN, ALL]',
    ['capabilities@8: server has the capability SYS_ADMIN', 'capabilities@8: server has the capability ALL'],
  ],
  ['processes of the host', 'pid: host', ['host-namespaces@8: server has the processes of the host']],
  ['user ids', 'userns_mode: host', ['host-namespaces@8: server has the user ids of the host']],
  [
    'the memory of another',
    'ipc: "container:git"',
    ['host-namespaces@8: server has the shared memory of the container git'],
  ],
  [
    'Docker',
    'volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]',
    ['docker-socket@8: server speaks to Docker through /var/run/docker.sock'],
  ],
  ['a disk', 'devices: ["/dev/sda:/dev/sda"]', ['devices@8: server has the device /dev/sda']],
  [
    'devices by a rule',
    'device_cgroup_rules: ["b 8:0 rwm"]',
    ['devices@8: server may use devices by the rule b 8:0 rwm'],
  ],
  [
    'the whole server',
    'volumes: ["/:/host"]',
    ['outside-bind-mount@8: server mounts /, which is the whole server'],
  ],
  [
    "the server's own",
    'volumes: ["/etc:/e", "/etc/localtime:/etc/localtime:ro"]',
    ["outside-bind-mount@8: server mounts /etc, which is the server's own"],
  ],
  [
    'data of another',
    'volumes: ["/tank/services/hub/data:/h"]',
    ['outside-bind-mount@8: server mounts /tank/services/hub/data, which is in the dataset of hub'],
  ],
  [
    'data of everybody',
    'volumes: ["/tank:/t"]',
    ['outside-bind-mount@8: server mounts /tank, which holds the data of every service'],
  ],
  [
    'another disk',
    'volumes: ["/mnt/usb:/u"]',
    ['outside-bind-mount@8: server mounts /mnt/usb, which is outside its dataset and the repository'],
  ],
  ['its own data', 'volumes: ["/tank/services/photo/data:/d", "./conf:/c:ro"]', []],
];

test.each(cases)('%s', async (_what, more, expected) => {
  expect(await told(compose(more))).toEqual(expected);
});

const others: [what: string, text: string, expected: string[]][] = [
  ['root', 'user: "0:0"', ['root-user@3: server runs as root']],
  [
    'no user',
    'x-nothing: 1',
    ['root-user@3: server names no user, so it runs as its image says, in most images as root'],
  ],
];

test.each(others)('%s', async (_what, text, expected) => {
  const photo = `services:\n  server:\n    ${text}\n    image: "photo:1"\n    restart: always\n    networks: [photo_net]\n${net}`;
  expect(await told(photo)).toEqual(expected);
});

describe('databases', () => {
  const database = (health: string, condition: string) =>
    compose(
      `depends_on: { db: { condition: ${condition} } }`,
      `  db:\n    image: "postgres:17.6"\n    restart: "no"\n    user: "999"\n    networks: [photo_net]\n    ${health}\n${net}`,
    );
  const check = 'healthcheck: { test: [CMD, pg_isready] }';

  test('without a health check', async () => {
    expect(await told(database('x-a: 1', 'service_started'))).toEqual([
      'database-health@10: db is a database (postgres) without a health check',
    ]);
    expect(await told(database('healthcheck: { disable: true }', 'service_started'))).toHaveLength(1);
  });

  test('that are not waited for', async () => {
    expect(await told(database(check, 'service_started'))).toEqual([
      'depends-on-healthy@8: server waits until db has started, not until it is healthy',
    ]);
    expect(await told(database(check, 'service_healthy'))).toEqual([]);
  });
});

test('tags, restarts, names and networks', async () => {
  const photo = 'services:\n  server: { image: "photo", user: "1", container_name: pictures }\n';
  expect(await told(photo)).toEqual([
    'restart-policy@2: server has no restart policy',
    'own-network@2: server is only on photo_default, which compose makes',
    'floating-tag@2: server names no tag, which is latest',
    'container-names@2: pictures is not called after photo',
  ]);
  expect(await told(compose().replace('photo:1.2', 'photo:stable'))).toEqual([
    'floating-tag@3: server floats with the tag stable',
  ]);
  expect(await told(compose().replace('photo:1.2', `photo@sha256:${'a'.repeat(64)}`))).toEqual([]);
});

test('a secret is named by its variable, and its value nowhere', async () => {
  const over = { 'services/photo/.env': 'DB_PASSWORD=Kq93hf-canary\n' };
  const found = await findings(compose('environment: { API_TOKEN: "zz-kanary-19" }'), over);
  expect(found.map(({ rule, file, line, message }) => `${rule} ${file}:${line} ${message}`)).toEqual([
    'plain-secrets services/photo/.env:1 a plain value of DB_PASSWORD stands in Git',
    'plain-secrets services/photo/docker-compose.yml:8 a plain value of API_TOKEN stands in Git',
  ]);
  expect(JSON.stringify(found)).not.toMatch(/[ck]anary/);
});

describe('a network', () => {
  const member = (name: string, network: string) =>
    `services:\n  ${name}: { image: "x:1", user: "1", restart: always, networks: [${network}] }\nnetworks: { ${network}: { external: true } }\n`;

  test('of another service is not for a spoke', async () => {
    const over = { 'services/git/docker-compose.yml': member('git', 'photo_net') };
    expect(await told(compose(), over)).toEqual([
      'shared-network@2: git is on photo_net together with photo',
    ]);
  });

  test('of nobody makes intruders of all but the hub', async () => {
    const over = {
      'services/git/docker-compose.yml': member('git', 'proxy'),
      'services/photo/docker-compose.yml': member('photo', 'proxy'),
      'services/hub/docker-compose.yml': hub.replaceAll('hub_net', 'proxy'),
    };
    expect(await told('', over)).toEqual([
      'shared-network@2: git is on proxy together with hub, photo',
      'shared-network@2: photo is on proxy together with git, hub',
    ]);
  });

  const alone = (more: string) => compose(more, '').replace('    networks: [photo_net]\n', '');

  test('that nobody here declares is nobody to be joined by its name', async () => {
    expect(await told(alone('network_mode: paperless_default'))).toEqual([
      'shared-network@7: photo is on paperless_default, which nobody in this lab declares',
    ]);
    const own = 'networks: { back: { name: backend, internal: true } }\n';
    const beside = `  db: { image: "x:1", user: "1", restart: always, networks: [back] }\n${own}`;
    expect(await told(`${alone('network_mode: backend')}${beside}`)).toEqual([]);
  });
});

describe('lab.yaml', () => {
  test('weighs rules', async () => {
    const weigh = (text: string) => findings(compose('privileged: true'), { 'lab.yaml': `${lab}${text}` });
    const [warned] = await weigh('policy: { rules: { privileged: warning } }\n');
    expect(warned?.severity).toBe('warning');
    expect(await weigh('policy: { rules: { privileged: off } }\n')).toEqual([]);
  });

  test('a rule that there is not is a mistake, with the one that is meant', async () => {
    const over = { 'lab.yaml': `${lab}policy: { rules: { privileges: off } }\n` };
    const [problem] = await problemsOf(files(compose(), over));
    expect(problem?.message).toContain('unknown key "privileges"');
    expect(problem?.fix).toBe('write privileged');
  });

  test('without a hub ports are the only way in', async () => {
    expect(await findings(compose('ports: ["8080:80"]'), { 'lab.yaml': smallLab })).toEqual([]);
  });
});

describe('an exception', () => {
  const allow = (text: string) => ({
    'services/photo/service.yaml': `version: 1\npolicy:\n  allow:\n    - ${text}\n`,
  });

  test('waives, and is kept with its reason', async () => {
    const over = allow('{ rule: devices, reason: "transcoding" }');
    const { policy } = await stateOf(files(compose('devices: ["/dev/dri:/dev/dri"]'), over));
    expect(policy.findings).toEqual([]);
    expect(policy.exceptions).toMatchObject([
      { reason: 'transcoding', origin: { line: 4 }, finding: { rule: 'devices', service: 'photo' } },
    ]);
  });

  const lan = 'networks: { photo_net: { external: true, name: lan } }\n';
  const networkOf = async (text: string, below: string, rules = '') => {
    const over = { ...allow(text), 'lab.yaml': `${lab}${rules}` };
    const { resources, policy, warnings } = await stateOf(files(compose('', below), over));
    const network = resources.find(({ kind, service }) => kind === 'docker-network' && service === 'photo');
    const waived = network?.kind === 'docker-network' ? (network.waived ?? []) : null;
    return { waived, policy, warnings: warnings.map(({ message }) => message) };
  };

  test.each(['network-driver', 'shared-network'])(
    'of %s counts for a network that is found on the host, and is kept with its reason',
    async (rule) => {
      const { waived, policy, warnings } = await networkOf(`{ rule: ${rule}, reason: "a camera" }`, lan);
      expect({ waived, warnings, findings: policy.findings }).toEqual({
        ...{ waived: [rule], warnings: [], findings: [] },
      });
      expect(policy.exceptions).toMatchObject([{ reason: 'a camera', finding: { rule, text: 'lan' } }]);
    },
  );

  test('is not needed for the name of a network that is called after its service', async () => {
    const { warnings, policy } = await networkOf('{ rule: shared-network, reason: "x" }', net);
    expect(policy.exceptions).toEqual([]);
    expect(warnings).toEqual(['nothing in photo breaks shared-network, so the exception is not needed']);
  });

  test('of one container is none for the network, and a rule that weighs less is one', async () => {
    const one = await networkOf('{ rule: network-driver, reason: "x", container: server }', lan);
    expect(one.waived).toEqual([]);
    const rules = 'policy: { rules: { network-driver: warning, shared-network: off } }\n';
    const { waived } = await networkOf('{ rule: devices, reason: "x" }', lan, rules);
    expect(waived).toEqual(['network-driver', 'shared-network']);
  });

  test('of one container does not waive for another', async () => {
    const over = allow('{ rule: devices, reason: "x", container: other }');
    const state = await stateOf(files(compose('devices: ["/dev/dri:/dev/dri"]'), over));
    expect(state.policy.findings).toHaveLength(1);
    expect(state.warnings.map(({ message }) => message)).toEqual([
      'nothing in the container other breaks devices, so the exception is not needed',
    ]);
  });

  test('needs a reason, and a rule that there is', async () => {
    const [reason] = await problemsOf(files(compose(), allow('{ rule: devices }')));
    expect(reason?.message).toContain('"reason"');
    const [rule] = await problemsOf(files(compose(), allow('{ rule: device, reason: "x" }')));
    expect(rule).toMatchObject({ line: 4, file: 'services/photo/service.yaml' });
  });
});
