import { uncoveredLab } from './lab-folder.ts';

/** A hub that can be told about routes, and a service with one container. */

const lab = `${uncoveredLab}domain: homelab.lan\nhub: { service: hub, container: hub-caddy, address: 192.168.1.100 }\n`;
export const caddyfile = '{\n\tadmin unix//run/caddy/admin.sock\n}\nimport /etc/caddy/routes/*.caddy\n';
export const mounts = [
  './Caddyfile:/etc/caddy/Caddyfile:ro',
  '/tank/services/hub/routes:/etc/caddy/routes:ro',
  '/tank/services/hub/run:/run/caddy',
];
export const hubWith = (volumes: string[]) =>
  `services:\n  caddy:\n    image: "caddy:1"\n    container_name: hub-caddy\n    volumes: ${JSON.stringify(volumes)}\n`;
const photo = 'services:\n  server: { image: "photo:1", container_name: photo-server }\n';

export function files(routes: string, over: Record<string, string> = {}) {
  return {
    'lab.yaml': lab,
    'services/hub/docker-compose.yml': hubWith(mounts),
    'services/hub/Caddyfile': caddyfile,
    'services/photo/docker-compose.yml': photo,
    'services/photo/service.yaml': `version: 1\nroutes:\n${routes}`,
    ...over,
  };
}

export const one = '  - { host: photo, to: "photo-server:2283" }\n';
