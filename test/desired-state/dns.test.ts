import { describe, expect, test } from 'vitest';
import type { DesiredRecord } from '../../desired-state/types.ts';
import { type Files, problemsOf, smallLab, stateOf } from './lab-folder.ts';

const hub = 'domain: homelab.lan\nhub: { service: hub, container: hub-web-1, address: 192.168.1.100 }\n';
const bind = 'dns: { provider: rfc2136, server: 192.168.1.53, zone: homelab.lan }\n';
const hosts = 'dns: { provider: hosts-file, file: /etc/steward/hosts }\n';
const web = 'services: { web: { image: "web:1" } }\n';

function files(dns: string, routes: string): Files {
  return {
    'lab.yaml': `${smallLab}${hub}${dns}`,
    'services/hub/compose.yaml': web,
    'services/photo/compose.yaml': web,
    'services/photo/service.yaml': `routes:\n${routes}`,
  };
}

async function records(dns: string, routes: string): Promise<DesiredRecord[]> {
  const { resources } = await stateOf(files(dns, routes));
  return resources.filter((each): each is DesiredRecord => each.kind === 'dns-record');
}

const one = '  - { host: photo, to: "web:80" }\n';

test('each name of a route leads to the hub, once, whatever number of routes it has', async () => {
  const routes = `${one}  - { host: photo, to: "web:80", path: /api }\n  - { host: cam, to: "web:80" }\n`;
  const found = await records(bind, routes);
  expect(found.map(({ id, service, address }) => [id, service, address])).toEqual([
    ['dns-record:cam.homelab.lan', 'photo', '192.168.1.100'],
    ['dns-record:photo.homelab.lan', 'photo', '192.168.1.100'],
  ]);
  expect(found[1]).toMatchObject({
    origin: { file: 'services/photo/service.yaml', line: 2 },
    provider: { provider: 'rfc2136', port: 53, ttl: 300, keyFile: null },
  });
});

test('without a server of names nobody is told of the address of the hub, and nothing is said of it', async () => {
  expect((await stateOf(files('', one))).notActedOn.map(({ part }) => part)).not.toContain('hub.address');
  expect(await records('', one)).toEqual([]);
});

describe('a name that the server cannot hold is a warning with its line', () => {
  const warned = async (dns: string, host: string) => {
    const all = await problemsOf(files(dns, `  - { host: "${host}", to: "web:80" }\n`));
    return all.filter((problem) => problem.includes('DNS'));
  };

  test('outside of the zone', async () => {
    expect(await warned(bind, 'photo.example.org')).toEqual([
      'services/photo/service.yaml:2:13 warning: no DNS record is made for photo.example.org: it is not in the zone homelab.lan => make it by hand where it belongs',
    ]);
  });

  test('of somebody else, as far as this server can tell', async () => {
    expect(await warned(hosts, 'accounts.google.com')).toEqual([
      'services/photo/service.yaml:2:13 warning: accounts.google.com is not below homelab.lan, and all who ask this DNS server for it are led to the hub from now on => take a name below homelab.lan, unless accounts.google.com is yours',
    ]);
    for (const own of ['photo', 'homelab.lan', 'photo.homelab.lan'])
      expect(await warned(hosts, own)).toEqual([]);
    expect(
      (await problemsOf(files('', '  - { host: accounts.google.com, to: "web:80" }\n'))).filter((each) =>
        each.includes('DNS'),
      ),
    ).toEqual([]);
    expect(await warned(bind.replace('zone: homelab.lan', 'zone: example.org'), 'photo.example.org')).toEqual(
      [],
    );
  });

  test('a wildcard in a file', async () => {
    expect(await warned(hosts, '*.photo.homelab.lan')).toEqual([
      expect.stringContaining('this kind of DNS server knows no wildcards'),
    ]);
    expect(await warned(bind, '*.photo.homelab.lan')).toEqual([]);
  });
});

describe('lab.yaml', () => {
  const problems = (dns: string) => problemsOf(files(dns, one));

  test('names a kind of server that there is', async () => {
    const [problem] = await problems('dns: { provider: route53 }\n');
    expect(problem).toMatch(/^lab.yaml:6:\d+ error: .*rfc2136, hosts-file, adguard or pihole/);
  });

  test('never holds the password itself', async () => {
    const url = 'url: http://192.168.1.53';
    const [problem] = await problems(`dns: { provider: pihole, ${url}, password: hunter2 }\n`);
    expect(problem).toMatch(/^lab.yaml:6:\d+ error: .*password/);
  });

  test('needs the hub that the names lead to', async () => {
    const all = await problemsOf({ 'lab.yaml': `${smallLab}${bind}` });
    expect(all).toContain(
      'lab.yaml:4:1 error: DNS records lead to the hub, and lab.yaml names none => add hub, with its address',
    );
  });

  const named = (file: string) => problems(`dns: { provider: hosts-file, file: ${file} }\n`);

  test.each([
    ...[
      '/etc/nologin',
      '/etc/hosts.allow',
      '/etc/sudoers.d/hosts',
      '/etc/cron.d/lab-hosts',
      '/etc/ld.so.preload',
    ],
    ...[
      '/usr/share/hosts',
      '/boot/hosts',
      '/proc/hosts',
      '/sys/hosts',
      '/dev/hosts',
      '/root/hosts',
      '/run/hosts',
    ],
    ...[
      '/lib/hosts',
      '/lib64/hosts',
      '/bin/hosts',
      '/sbin/hosts',
      '/var/lib/steward/hosts',
      '/var/spool/hosts',
    ],
    ...['/home/ada/.rhosts', '/srv/.ssh/hosts', '/hosts'],
  ])('writes no names to %s', async (file) => {
    const [problem] = await named(file);
    expect(problem).toMatch(/^lab.yaml:6:\d+ error: .*outside of the folders of the system/);
  });

  test.each([
    ...[
      '/etc/steward/hosts',
      '/etc/dnsmasq.hosts',
      '/etc/hosts.steward',
      '/etc/hosts.d/lab',
      '/etc/pihole/lab.list',
    ],
    ...['/etc/coredns/hosts', '/var/lib/misc/lab.hosts', '/srv/dns/names', '/tank/services/dns/data/hosts'],
  ])('may name %s', async (file) => {
    expect((await named(file)).filter((problem) => problem.startsWith('lab.yaml'))).toEqual([]);
  });
});
