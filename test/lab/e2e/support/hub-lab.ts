import type { Homelab } from './homelab.ts';
import { composeFile, type Files, labYaml } from './lab-files.ts';

export const hubLabYaml = `${labYaml}domain: homelab.lan
hub: { service: central_hub, container: central_hub, address: 10.0.2.15 }
`;

/** A real Caddy with its own authority, as the example lab has it. */
export const centralHub: Files = {
  'services/central_hub/docker-compose.yml': `services:
  caddy:
    image: lab/caddy:1
    container_name: central_hub
    restart: unless-stopped
    user: "1000:1000"
    networks: [central_hub_net]
    ports: ["80:80", "443:443"]
    volumes:
      - ./Caddyfile:/etc/caddy/Caddyfile:ro
      - /datapool/services/central_hub/routes:/etc/caddy/routes:ro
      - /datapool/services/central_hub/run:/run/caddy
      - /datapool/services/central_hub/data:/data
      - /datapool/services/central_hub/config:/config
networks:
  central_hub_net: { external: true }
`,
  'services/central_hub/Caddyfile': `{
	admin unix//run/caddy/admin.sock
	skip_install_trust
}
import /etc/caddy/routes/*.caddy
homelab.lan {
	tls internal
	respond "the hub"
}
`,
};

/** A web server that answers with the name of its service, and at /cgi-bin/slow after five seconds. */
export function site(name: string, routes = `  - { host: ${name}, to: "${name}-web:8080" }\n`): Files {
  const web = `  web:
    image: lab/busybox:1
    container_name: ${name}-web
    command: ["httpd", "-f", "-p", "8080", "-h", "/site"]
    stop_signal: SIGKILL
    restart: unless-stopped
    networks: [${name}_net]
    configs:
      - { source: page, target: /site/index.html }
      - { source: slow, target: /site/cgi-bin/slow, mode: 0755 }
`;
  const configs = `configs:
  page: { content: "this is ${name}\\n" }
  slow: { content: "#!/bin/sh\\nsleep 5\\nprintf 'Content-Type: text/plain\\\\r\\\\n\\\\r\\\\nslow ${name}'\\n" }
`;
  return {
    [`services/${name}/docker-compose.yml`]: composeFile([web], `${name}_net`) + configs,
    [`services/${name}/service.yaml`]: `version: 1\n${routes === '' ? '' : `routes:\n${routes}`}`,
  };
}

const root = '/datapool/services/central_hub/data/caddy/pki/authorities/local/root.crt';
export const socket = '/datapool/services/central_hub/run/admin.sock';

/** As a device of the home asks: by name, and trusting the lab's own authority alone. */
export function ask(host: string, path = '/'): string {
  const name = `${host}.homelab.lan`;
  return `curl -sS --max-time 60 --cacert ${root} --resolve ${name}:443:127.0.0.1 https://${name}${path}`;
}

export async function answer(lab: Homelab, host: string, path = '/'): Promise<string> {
  return (await lab.run(`${ask(host, path)} || true`)).trim();
}
