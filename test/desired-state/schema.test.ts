import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseCidr, poolCapacity } from '../../desired-state/schema/cidr.ts';
import { jsonSchema, schemaNames } from '../../desired-state/schema/json-schema.ts';
import { durationSeconds, sizeBytes } from '../../desired-state/schema/units.ts';
import { isKnownProperty, propertyValue } from '../../desired-state/schema/zfs-properties.ts';

/** The two files of the documentation, word for word. */
const documented = {
  lab: `version: 1
name: homelab
domain: homelab.lan
storage:
  parent: datapool/services
  mountpoint: /datapool/services
owners:
  root: 0
  postgres: 999
  app: 1000
sharedGroup: labdata
networks:
  pool: 10.88.0.0/16
  prefix: 26
hub:
  service: central_hub
  container: central_hub
  address: 192.168.1.100
backup:
  repository: ssh://borg@backup.lan:23/./lab
  passphrase: { file: /etc/steward/borg-passphrase }
  ssh: { identity: /root/.ssh/id_borg, knownHosts: /etc/steward/known_hosts }
  encryption: repokey-blake2
  compression: zstd,3
  excludes: ["*.tmp", "cache/**"]
  keysDirectory: /etc/steward/borg-keys
  schedule: "30 3 * * *"
  timezone: Europe/Rome
  retention: { daily: 7, weekly: 4, monthly: 6 }
limits:
  removals: { count: 3, percent: 30 }
  parallel: 4
`,
  service: `version: 1
dataset:
  properties: { compression: zstd, quota: 500G }
  children:
    database: { properties: { recordsize: 16K } }
directories:
  - { path: database, owner: postgres, mode: "0700" }
routes:
  - { host: photo, to: "photo-immich-server:2283", tls: internal }
backup:
  schedule: "0 2 * * *"
  quiesce: stop
  retention: { daily: 90 }
  excludes: ["thumbs/**"]
  suspend: false
deploy:
  dependsOn: [git]
  healthTimeout: 180s
  onFailure: rollback
policy:
  allow: [{ rule: host-ports, reason: "DNS must listen on the host" }]
suspend: false
`,
};

test.each(schemaNames)('schemas/%s.schema.json is current: write it anew with `steward schema`', (name) => {
  expect(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')).toBe(
    jsonSchema(name),
  );
});

test.each(schemaNames)(
  'the JSON Schema of %s.yaml accepts the documented file and refuses a key nobody knows',
  (name) => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(jsonSchema(name)));
    const value = parse(documented[name]);
    expect(validate(value)).toBe(true);
    expect(validate({ ...value, hello: 1 })).toBe(false);
  },
);

interface Described {
  description?: string;
  properties?: Record<string, Described>;
}

test.each(schemaNames)('every key of %s.yaml says in an editor what it is for', (name) => {
  const silent: string[] = [];
  const visit = (schema: Described, path: string): void => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      if (inner.description === undefined) silent.push(`${path}${key}`);
      visit(inner, `${path}${key}.`);
    }
  };
  visit(JSON.parse(jsonSchema(name)), '');
  expect(silent).toEqual([]);
});

test.each([
  ['500G', 536_870_912_000],
  ['16K', 16_384],
  ['1.5T', 1_649_267_441_664],
  ['4096', 4096],
  ['16KiB', 16_384],
  ['lots', undefined],
  ['0.3', undefined],
  ['-1G', undefined],
])('the size %s is %s bytes', (text, bytes) => {
  expect(sizeBytes(text)).toBe(bytes);
});

test.each([
  ['180s', 180],
  ['5m', 300],
  ['1h30m', 5400],
  ['180', undefined],
  ['', undefined],
  ['5 m', undefined],
])('the duration %j is %s seconds', (text, seconds) => {
  expect(durationSeconds(text)).toBe(seconds);
});

test('a pool of 10.88.0.0/16 holds 1024 subnets of /26', () => {
  const pool = parseCidr('10.88.0.0/16');
  expect(pool && poolCapacity(pool, 26)).toBe(1024);
});

test.each(['constructor', '__proto__', 'toString', 'foo'])('%s is no ZFS property', (name) => {
  expect(isKnownProperty(name)).toBe(false);
});

test.each([
  ['recordsize', '16K', '16384'],
  ['recordsize', '1M', '1048576'],
  ['quota', 'none', '0'],
  ['compression', 'zstd-9', 'zstd-9'],
  ['compression', 'gzip-6', 'gzip'],
  ['acltype', 'posixacl', 'posix'],
])('%s=%s is what zfs prints as %s', (name, value, printed) => {
  expect(propertyValue(name, value)).toEqual({ ok: true, value: printed });
});
