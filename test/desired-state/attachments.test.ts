import { expect, test } from 'vitest';
import type { DesiredAttachment } from '../../desired-state/types.ts';
import { smallLab, stateOf } from './lab-folder.ts';

const lab = `${smallLab}domain: homelab.lan\nhub: { service: central_hub, container: central_hub, address: 192.168.1.100 }\n`;
const hub =
  'services:\n  caddy: { image: "caddy:1", container_name: central_hub, networks: { hub_net: {} } }\nnetworks: { hub_net: { external: true } }\n';

async function attachments(compose: string, routes: string, at = 'photo'): Promise<DesiredAttachment[]> {
  const state = await stateOf({
    'lab.yaml': lab,
    'services/central_hub/docker-compose.yml': hub,
    [`services/${at}/docker-compose.yml`]: compose,
    [`services/${at}/service.yaml`]: `version: 1\nroutes:\n${routes}`,
  });
  return state.resources.filter((resource) => resource.kind === 'hub-attachment');
}

const server = (networks: string, more = '') =>
  `services:\n  server: { image: "photo:1", container_name: photo-server, networks: ${networks} }\n${more}`;
const external = 'networks: { photo_net: { external: true }, admin_net: { external: true } }\n';

test('the hub joins the network of what a route leads to, once its stack and the network are there', async () => {
  const [found, ...others] = await attachments(
    server('{ photo_net: {} }', external),
    '  - { host: photo, to: "photo-server:80" }\n  - { host: pictures, to: "server:81" }\n',
  );
  expect(found).toMatchObject({
    id: 'hub-attachment:photo_net',
    service: 'photo',
    origin: { file: 'services/photo/service.yaml', line: 3 },
    needs: ['docker-network:photo_net', 'compose-stack:central_hub'],
    hub: { stack: 'compose-stack:central_hub', container: 'central_hub' },
  });
  expect(others).toEqual([]);
});

test.each([
  [
    'of several, the one that is called like the service',
    server('{ admin_net: {}, photo_net: {} }', external),
    'photo_net',
  ],
  [
    'an alias, on the network that has it',
    server('{ photo_net: {}, admin_net: { aliases: [web] } }', external),
    'admin_net',
    'web',
  ],
  ['one of its own before one of compose', server('{ default: {}, admin_net: {} }', external), 'admin_net'],
])('%s', async (_name, compose, network, target = 'photo-server') => {
  const found = await attachments(compose, `  - { host: photo, to: "${target}:80" }\n`);
  expect(found.map(({ name }) => name)).toEqual([network]);
});

test.each([
  ['an address outside', server('{ photo_net: {} }', external), '"http://192.168.1.5:80"', 'photo'],
  [
    'a container on no network of its own',
    'services:\n  server: { image: "photo:1", network_mode: host }\n',
    '"server:80"',
    'photo',
  ],
])('%s needs none', async (_name, compose, to, at) => {
  expect(await attachments(compose, `  - { host: photo, to: ${to} }\n`, at)).toEqual([]);
});

test('a route of the hub itself needs none', async () => {
  expect(await attachments(hub, '  - { host: hub, to: "central_hub:80" }\n', 'central_hub')).toEqual([]);
});
