import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import type { Problem } from '../../desired-state/types.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { type Files, labFolder, load, stateOf as readState, smallLab } from './lab-folder.ts';

export const lab = `${smallLab}hub: { service: hub, container: hub, address: 192.168.1.100 }\n`;
export const net = 'networks: { photo_net: { external: true } }\n';

/** A service that breaks nothing, with `more` lines in its only container. */
export function compose(more = '', below = net): string {
  return [
    'services:',
    '  server:',
    '    image: "ghcr.io/someone/photo:1.2"',
    '    container_name: photo-server',
    '    restart: unless-stopped',
    '    user: "1000:1000"',
    '    networks: [photo_net]',
    ...more.split('\n').map((line) => `    ${line}`),
    below,
  ].join('\n');
}

export const hub =
  'services:\n  caddy: { image: "caddy:2.10", container_name: hub, restart: always, user: "1000", networks: [hub_net], ports: ["443:443"] }\nnetworks: { hub_net: { external: true } }\n';

export function files(photo: string, over: Files = {}): Files {
  return {
    'lab.yaml': lab,
    'services/hub/docker-compose.yml': hub,
    'services/photo/docker-compose.yml': photo,
    ...over,
  };
}

export const stateOf = (tree: Files, reader: ComposeReader = builtInReader()) =>
  readState(tree, { compose: reader });

/** By its name in a test; the real one remembers nothing. */
export async function readerOf(name: string): Promise<ComposeReader> {
  if (name === 'built-in') return builtInReader();
  const cache = { get: () => undefined, set: () => {} };
  return dockerComposeReader({ cache, dockerCompose: await dockerCompose() });
}

export async function problemsOf(tree: Files): Promise<Problem[]> {
  await using folder = await labFolder(tree);
  const result = await load(folder.root, { as: '/checkout', compose: builtInReader() });
  return result.ok ? [] : result.problems;
}
