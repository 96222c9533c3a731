import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../desired-state/locate.ts';
import { checkFile } from '../../desired-state/schema/explain.ts';
import { labSchema } from '../../desired-state/schema/lab.ts';
import { serviceSchema } from '../../desired-state/schema/service.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { labRoot, mounts, readCompose, readEnv, serviceNames, servicesRoot } from './lab-files.ts';

const hub = 'central_hub';
const [composeFile = '', ...composeArgs] = await dockerCompose();

const containers = serviceNames.flatMap((service) =>
  Object.entries(readCompose(service).services).map(([name, definition]) => ({ service, name, definition })),
);
const databases = containers.filter(({ definition }) => /postgres|valkey/.test(definition.image));

const lab = checkFile(parseYaml('lab.yaml', readFileSync(join(labRoot, 'lab.yaml'))), labSchema);

function serviceConfig(service: string) {
  const file = join(servicesRoot, service, 'service.yaml');
  return checkFile(parseYaml(file, readFileSync(file)), serviceSchema);
}

it('the lab is the five services of the documentation', () => {
  expect(serviceNames.sort()).toEqual([hub, 'git', 'monitoring', 'photo', 'remote_access']);
});

it('lab.yaml has no problem', () => {
  expect(lab.problems).toEqual([]);
});

describe.each(serviceNames)('%s', (service) => {
  const file = readCompose(service);

  it('docker compose config accepts it without a warning', async () => {
    const result = await execa(
      composeFile,
      [
        ...composeArgs,
        '--project-directory',
        join(servicesRoot, service),
        '-f',
        'docker-compose.yml',
        'config',
        '--quiet',
      ],
      { cwd: join(servicesRoot, service), extendEnv: false, env: { PATH: '/usr/bin:/bin' }, timeout: 20_000 },
    );
    expect(result.stderr).toBe('');
  });

  it('has a service.yaml without a problem', () => {
    expect(serviceConfig(service).problems).toEqual([]);
  });

  it('is on its own external network and on no other', () => {
    expect(file.networks).toEqual({ [`${service}_net`]: { external: true } });
    for (const container of Object.values(file.services)) {
      expect(container.networks).toEqual([`${service}_net`]);
      expect(container.network_mode).toBeUndefined();
    }
  });

  it('keeps its data on the dataset, not in named volumes', () => {
    expect(file.volumes).toBeUndefined();
  });

  it('gives every directory of data its owner explicitly, and the owner is the user of the container', () => {
    const owners = lab.value?.owners ?? {};
    const declared = (serviceConfig(service).value?.directories ?? []).map(({ path, owner }) => [
      `/datapool/services/${service}/${path}`,
      owners[owner ?? ''],
    ]);
    const used = Object.values(file.services).flatMap((container) =>
      mounts(container)
        .filter(({ source }) => source.startsWith('/'))
        .map(({ source }) => [source, Number((container.user ?? '0').split(':')[0])]),
    );
    expect(declared.sort()).toEqual(used.sort());
  });

  it('routes only to containers of its own', () => {
    const names = Object.values(file.services).map((container) => container.container_name);
    for (const { to } of serviceConfig(service).value?.routes ?? [])
      expect(names).toContain(to?.split(':')[0]);
  });

  it('marks every secret-looking value of its .env as a placeholder', () => {
    const secrets = Object.entries(readEnv(service)).filter(([name]) => /PASS|SECRET|TOKEN|KEY/.test(name));
    for (const [, value] of secrets) expect(value).toMatch(/^placeholder/);
  });
});

describe.each(containers)('container $name', ({ service, name, definition }) => {
  it('is named <service>-<implementation>', () => {
    if (service === hub) expect(definition.container_name).toBe(hub);
    else {
      expect(name).toMatch(new RegExp(`^${service}-[a-z-]+$`));
      expect(definition.container_name).toBe(name);
    }
  });

  it('has host ports only where it is the hub', () => {
    expect(definition.ports).toEqual(service === hub ? ['80:80', '443:443', '443:443/udp'] : undefined);
  });

  it('has an image with a full version', () => {
    expect(definition.image).toMatch(
      /^[a-z0-9./-]+:v?\d+(\.\d+){1,2}(-[a-z0-9.-]+)?$|vectorchord\d+\.\d+\.\d+/,
    );
    expect(definition.image).not.toMatch(/:(latest|release|stable|main)/);
  });

  it('comes back after a reboot and says whether it is healthy', () => {
    expect(definition.restart).toBe('unless-stopped');
    expect(definition.healthcheck?.test[0]).toMatch(/^CMD/);
  });

  it('runs as a user of its own, except for the gateway, which makes network interfaces', () => {
    if (name === 'remote_access-tailscale') expect(definition.user).toBeUndefined();
    else expect(definition.user).toMatch(/^[1-9]\d*:\d+$/);
  });

  it('stays inside its user namespace and leaves logs to the daemon', () => {
    expect(definition.userns_mode).toBeUndefined();
    expect(definition.privileged).toBeUndefined();
    expect(definition.logging).toBeUndefined();
  });

  it('waits for what it depends on to be healthy', () => {
    for (const { condition } of Object.values(definition.depends_on ?? {}))
      expect(condition).toBe('service_healthy');
  });

  it('mounts its dataset and, read-only, files of its own folder; nothing else', () => {
    for (const { source, readOnly } of mounts(definition)) {
      if (source.startsWith('./')) {
        expect(existsSync(join(servicesRoot, service, source))).toBe(true);
        expect(readOnly).toBe(true);
      } else expect(source).toMatch(new RegExp(`^/datapool/services/${service}/[a-z-]+$`));
    }
  });
});

describe.each(databases)('database $name', ({ definition }) => {
  it('gets the time to shut down cleanly', () => {
    expect(definition.stop_grace_period).toMatch(/^\d+s$/);
  });
});

it.each(databases.filter(({ definition }) => definition.image.includes('postgres')))(
  '$service keeps PostgreSQL on a dataset of its own with 16K records, entered by PostgreSQL alone',
  ({ service }) => {
    const config = serviceConfig(service).value;
    expect(config?.dataset?.children?.database?.properties?.recordsize).toBe('16K');
    expect(config?.directories.find(({ path }) => path === 'database')?.mode).toBe('0700');
  },
);
