/** The config repository that most end-to-end tests start from, as plain files. */

/** Path -> content; null removes the file or folder in the next commit. */
export type Files = Record<string, string | null>;

export const labYaml = `version: 1
name: homelab
storage:
  parent: datapool/services
  mountpoint: /datapool/services
owners: { root: 0, postgres: 999, app: 1000 }
sharedGroup: labdata
networks: { pool: 10.88.0.0/16, prefix: 26 }
`;

/** A container that does nothing, uses next to no memory and stops at once. */
export function idle(
  name: string,
  options: { network?: string; image?: string; more?: string } = {},
): string {
  const { network, image = 'lab/busybox:1', more = '' } = options;
  return `  ${name}:
    image: ${image}
    container_name: ${name}
    command: ["sleep", "1000000"]
    stop_signal: SIGKILL
    restart: unless-stopped
${network === undefined ? '' : `    networks: [${network}]\n`}${more}`;
}

/** A compose file of these services on one external network. */
export function composeFile(services: string[], network?: string): string {
  const networks = network === undefined ? '' : `networks:\n  ${network}: { external: true }\n`;
  return `services:\n${services.join('')}${networks}`;
}

/** Two containers, of which only the page depends on .env and on a file of the repository, and only the worker on data. */
export const web: Files = {
  'services/web/docker-compose.yml': `services:
  page:
    image: lab/busybox:1
    container_name: web-page
    command: ["httpd", "-f", "-p", "8080", "-h", "/site"]
    stop_signal: SIGKILL
    restart: unless-stopped
    user: "1000:1000"
    networks: [web_net]
    environment:
      GREETING: \${GREETING}
      API_TOKEN: \${API_TOKEN}
    volumes:
      - ./site:/site:ro
  worker:
    image: lab/busybox:1
    container_name: web-worker
    command: ["sleep", "1000000"]
    stop_signal: SIGKILL
    restart: unless-stopped
    user: "1000:1000"
    networks: [web_net]
    volumes:
      - /datapool/services/web/data:/data
networks:
  web_net: { external: true }
`,
  'services/web/.env': 'GREETING=hello\n',
  'services/web/site/index.html': 'first page\n',
  'services/web/service.yaml': `version: 1
dataset:
  properties: { compression: zstd, quota: 1G }
directories:
  - { path: data, owner: app }
`,
};

/** PostgreSQL on a child dataset of its own, and a container that waits until it is healthy. */
export const git: Files = {
  'services/git/docker-compose.yml': `services:
  app:
    image: lab/busybox:1
    container_name: git-app
    command: ["sleep", "1000000"]
    stop_signal: SIGKILL
    restart: unless-stopped
    networks: [git_net]
    depends_on:
      database: { condition: service_healthy }
  database:
    image: lab/postgres:1
    container_name: git-database
    restart: unless-stopped
    user: "999:999"
    networks: [git_net]
    environment: { POSTGRES_USER: app, POSTGRES_PASSWORD: second-secret-value }
    volumes:
      - /datapool/services/git/database:/var/lib/postgresql/data
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "app"]
      # Each check starts a process in the container: every 2 s they would keep the emulated server busy for good.
      interval: 60s
      start_period: 240s
      start_interval: 2s
      timeout: 20s
networks:
  git_net: { external: true }
`,
  'services/git/service.yaml': `version: 1
dataset:
  children:
    database: { properties: { recordsize: 16K } }
directories:
  - { path: database, owner: postgres, mode: "0700" }
deploy: { healthTimeout: 300s }
`,
};

/** The smallest service there is: one container on a network of its own, data on a dataset. */
export function small(name: string): Files {
  const more = `    user: "1000:1000"\n    volumes: ["/datapool/services/${name}/data:/data"]\n`;
  return {
    [`services/${name}/docker-compose.yml`]: composeFile(
      [idle(name, { network: `${name}_net`, more })],
      `${name}_net`,
    ),
  };
}
