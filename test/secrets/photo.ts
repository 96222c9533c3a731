import type { DesiredStack, DesiredState } from '../../desired-state/types.ts';
import { type Files, uncoveredLab } from '../desired-state/lab-folder.ts';

/** A service of two containers, one of which has a password. */

export const maskKey = new Uint8Array(32).fill(7);
export const compose = `services:
  web:
    image: web:\${TAG}
    environment: { PASSWORD: "\${PASSWORD}" }
    networks: [net]
    volumes: ["/tank/services/photo/data:/data"]
  db:
    image: db:1
    environment: { LEVEL: "\${LEVEL:-info}" }
networks: { net: { external: true, name: photo_net } }
`;
export const plain: Files = {
  'lab.yaml': uncoveredLab,
  'services/photo/compose.yaml': compose,
  'services/photo/.env': 'TAG=1\nPASSWORD=from-git\n',
};

export function stackOf(state: DesiredState, name = 'photo'): DesiredStack {
  const found = state.resources.find((resource) => resource.id === `compose-stack:${name}`);
  if (found?.kind !== 'compose-stack') throw new Error(`there is no stack ${name}`);
  return found;
}
