import { expect, it } from 'vitest';
import { problemsOf } from './lab-folder.ts';

/** A commit must not have root's files sent to a server of its choice: the file itself says for whom it is. */
const head = 'version: 1\nname: homelab\n';
const hub =
  'storage: { parent: tank/services, mountpoint: /tank/services }\nhub: { service: hub, container: hub, address: 192.168.1.2 }\n';

const registry = (host: string, file: string) =>
  `${head}registries: { "${host}": { username: ada, password: { file: ${file} } } }\n`;
const adguard = (url: string, file: string) =>
  `${head}${hub}dns: { provider: adguard, url: "${url}", username: ada, password: { file: ${file} } }\n`;
const pihole = (url: string, file: string) =>
  `${head}${hub}dns: { provider: pihole, url: "${url}", password: { file: ${file} } }\n`;

it.each([
  ['a registry', registry('registry.lan:5000', '/etc/steward/passwords/registry.lan:5000')],
  ['Docker', registry('docker.io', '/srv/passwords/docker.io')],
  ['AdGuard Home', adguard('http://192.168.1.53', '/etc/steward/passwords/192.168.1.53')],
  ['Pi-hole', pihole('https://pi.lan:8443/admin', '/etc/steward/passwords/pi.lan:8443')],
])('the password for %s is in a file of its name', async (_who, lab) => {
  const said = await problemsOf({ 'lab.yaml': lab });
  expect(said.filter((line) => line.includes('password'))).toEqual([]);
});

it.each([
  ['another file of root', registry('evil.example', '/etc/steward/age.key'), 'evil.example'],
  ['the password of another one', registry('evil.example', '/etc/steward/passwords/ghcr.io'), 'evil.example'],
  ['a folder that is not for it', registry('shadow', '/etc/shadow'), 'shadow'],
  ['a longer path', registry('ghcr.io', '/etc/steward/passwords/old/ghcr.io'), 'ghcr.io'],
  ['the same, to a DNS server', adguard('http://evil.example', '/root/.ssh/id_borg'), 'evil.example'],
  ['another port', pihole('http://pi.lan:8080', '/etc/steward/passwords/pi.lan'), 'pi.lan:8080'],
])('%s is refused, and the right one is named', async (_what, lab, host) => {
  const said = await problemsOf({ 'lab.yaml': lab });
  expect(said.filter((line) => line.includes('would be sent'))).toEqual([
    expect.stringMatching(
      new RegExp(
        `^lab\\.yaml:\\d+:\\d+ error: .* would be sent to ${host}, and .* => .*/etc/steward/passwords/${host}$`,
      ),
    ),
  ]);
});
