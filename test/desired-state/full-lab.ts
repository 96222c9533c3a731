import { ruleIds } from '../../desired-state/schema/rule-ids.ts';
import type { Files } from './lab-folder.ts';

/** Every field that lab.yaml and service.yaml know, with a value that is right; where one excludes another, in turns. */
const lab = {
  version: 1,
  name: 'homelab',
  domain: 'homelab.lan',
  storage: {
    parent: 'tank/services',
    mountpoint: '/tank/services',
    properties: { compression: 'zstd', 'my:note': 'a note' },
  },
  owners: { app: 1000 },
  sharedGroup: 'labdata',
  networks: { pool: '10.88.0.0/16', prefix: 26, subnets: { photo_net: '10.99.0.0/24' } },
  hub: { service: 'hub', container: 'hub', address: '192.168.1.100', directives: ['forward_auth'] },
  backup: {
    repository: 'ssh://borg@backup.lan/./lab',
    passphrase: { file: '/etc/steward/borg-passphrase' },
    ssh: { identity: '/root/.ssh/id', knownHosts: '/etc/steward/known_hosts' },
    encryption: 'repokey-blake2',
    compression: 'zstd,3',
    excludes: ['*.tmp'],
    keysDirectory: '/etc/steward/keys',
    schedule: '0 3 * * *',
    timezone: 'Europe/Rome',
    startingDeadline: '2h',
    jitter: '5m',
    check: { schedule: '0 5 * * 0', maxDuration: '30m', verifyData: '0 5 1 * *' },
    drill: { schedule: '0 6 * * 0' },
  },
  registries: {
    'ghcr.io': { username: 'me', password: { file: '/etc/steward/passwords/ghcr.io' } },
  },
  secrets: { recipients: ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'] },
  policy: { rules: Object.fromEntries(ruleIds.map((id) => [id, 'warning'])) },
};

const servers = [
  {
    provider: 'rfc2136',
    server: '192.168.1.2',
    zone: 'homelab.lan',
    key: { file: '/etc/steward/dns.key' },
  },
  { provider: 'hosts-file', file: '/etc/dnsmasq.hosts', pidFile: '/run/dnsmasq.pid' },
  {
    provider: 'adguard',
    url: 'http://dns.lan:3000',
    username: 'me',
    password: { file: '/etc/steward/passwords/dns.lan:3000' },
  },
  { provider: 'pihole', url: 'http://pi.lan', password: { file: '/etc/steward/passwords/pi.lan' } },
];

export const labs: Record<string, unknown>[] = servers.map((dns) => ({ ...lab, dns }));

const hook = { container: 'web', exec: ['echo', 'now'], timeout: '10s' };

export const services: Record<string, unknown>[] = [
  {
    version: 1,
    dataset: {
      properties: { quota: '1G', 'my:note': 'a note' },
      children: { library: { properties: { recordsize: '1M', 'my:note': 'x' } } },
    },
    directories: [{ path: 'data', owner: 'app', group: 'app', mode: '0750' }],
    routes: [
      {
        host: 'photo',
        to: 'photo-web:80',
        path: '/app',
        tls: 'internal',
        headers: { 'X-Frame-Options': 'DENY' },
        requestHeaders: { 'X-Real': 'yes' },
        basicAuth: { me: `$2a$14$${'a'.repeat(53)}` },
        streamCloseDelay: '180s',
        probe: { path: '/app/health', expect: [200] },
        caddy: 'encode gzip',
      },
      { host: 'old', redirect: 'https://photo.homelab.lan' },
    ],
    backup: {
      schedule: '0 3 * * *',
      timezone: 'Europe/Rome',
      quiesce: 'none',
      excludes: ['cache/**'],
      compression: 'lz4',
      startingDeadline: '1h',
      jitter: '1m',
      hooks: { before: [hook], after: [hook] },
      drill: { schedule: '0 6 * * 0' },
    },
    deploy: { dependsOn: ['git'], healthTimeout: '60s', onFailure: 'leave' },
    policy: { allow: [{ rule: 'root-user', container: 'web', reason: 'it has to' }] },
  },
];

/** A hub that can be told of routes. */
const hubFiles: Files = {
  'services/hub/compose.yml': `services:
  caddy:
    image: caddy:2.10
    container_name: hub
    networks: [hub_net]
    volumes:
      - ./Caddyfile:/etc/caddy/Caddyfile:ro
      - /tank/services/hub/routes:/etc/caddy/routes:ro
      - /tank/services/hub/run:/run/caddy
networks: { hub_net: { external: true } }
`,
  'services/hub/Caddyfile': '{\n\tadmin unix//run/caddy/admin.sock\n}\nimport /etc/caddy/routes/*.caddy\n',
};

const small = (name: string) =>
  `services: { web: { image: "${name}:1", container_name: ${name}-web, networks: [${name}_net], volumes: ["/tank/services/${name}/data:/data"] } }\nnetworks: { ${name}_net: { external: true } }\n`;

/** A lab of three services; the documents as JSON, which is YAML. */
export function fullLab(lab: unknown, service: unknown): Files {
  return {
    'lab.yaml': JSON.stringify(lab),
    ...hubFiles,
    'services/git/compose.yml': small('git'),
    'services/photo/compose.yml': small('photo'),
    'services/photo/service.yaml': JSON.stringify(service),
  };
}
