import { z } from 'zod';
import { labBackup } from './backup.ts';
import { privateNetwork } from './cidr.ts';
import { labDns } from './dns.ts';
import { absolutePath, datasetName, dnsName, ipAddress, serviceName } from './names.ts';
import { labPolicy } from './policy.ts';
import { zfsProperties } from './service.ts';
import { list, mapping, table, text, whole, words } from './words.ts';

const version = z
  .literal(1, { error: words('1, the version of this format', 'write version: 1') })
  .describe('Version of this format.');

const storage = mapping(
  {
    parent: datasetName('ZFS dataset below which each service gets its own.'),
    mountpoint: absolutePath('Where the parent dataset is mounted.', '/datapool/services'),
    properties: zfsProperties.optional(),
  },
  'Where the data of services is.',
  '{ parent: datapool/services, mountpoint: /datapool/services }',
);

const ownerName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: words('a name such as postgres', 'write a lower-case name') });

const owners = table(
  ownerName,
  whole(0, 65_535, 'User id inside the container.'),
  'Names for users of containers; the id on the host is the userns base plus this.',
);

const networkName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, {
  error: words('the name of a Docker network', 'write e.g. photo_net'),
});

const networks = mapping(
  {
    pool: privateNetwork('Subnets of service networks are cut out of this one.').default('10.88.0.0/16'),
    prefix: whole(16, 29, 'Size of one subnet: 26 gives 61 containers.').default(26),
    subnets: table(networkName, privateNetwork('The fixed subnet.'), 'Networks with a fixed subnet.').default(
      {},
    ),
  },
  'Docker networks: one subnet each, allocated once and kept.',
);

const removals = mapping(
  {
    count: whole(0, 100_000, 'More services removed at once than this …').default(3),
    percent: whole(0, 100, '… and more than this share of all.').default(30),
  },
  'A commit that removes more is held until `steward approve`.',
);

const limits = mapping(
  {
    removals: removals.prefault({}),
    parallel: whole(1, 64, 'Services reconciled side by side.').default(4),
  },
  'Brakes.',
);

const hub = mapping(
  {
    service: serviceName('Folder of the service that holds the reverse proxy.'),
    container: text({
      expected: 'the name of a container',
      example: 'central_hub',
      pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
      description: 'Name of the proxy container.',
    }),
    address: ipAddress('What DNS records point to.'),
    directives: list(
      text({
        expected: 'the name of a directive of a Caddyfile',
        example: 'forward_auth',
        pattern: /^[a-z][a-z0-9_]*$/,
      }),
      'Directives that routes may use besides the harmless ones. Each of them trusts all that may push with the hub.',
    ).default([]),
  },
  'The reverse proxy that joins the network of every service with a route.',
  '{ service: central_hub, container: central_hub, address: 192.168.1.100 }',
);

const registryHost = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/, {
  error: words(
    'the host of a registry, as image names begin with it',
    'write e.g. registry.homelab.lan:5000',
  ),
});

const registries = table(
  registryHost,
  mapping(
    {
      username: text({
        expected: 'the name of a user',
        example: 'steward',
        pattern: /^\S+$/,
        description: 'Who Steward is at this registry.',
      }),
      password: mapping(
        {
          file: absolutePath(
            'File with the password or token, mode 0600: in a folder passwords, named as the registry.',
            '/etc/steward/passwords/ghcr.io',
          ),
        },
        'Where the password is, never the password itself.',
      ),
    },
    'One registry.',
  ),
  'Registries that images are pulled from with a name and a password; `docker.io` for that of Docker.',
);

const secrets = mapping(
  {
    recipients: list(
      text({
        expected: 'a recipient of age',
        example: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
        pattern: /^age1[0-9a-z]{50,}$/,
        description: 'Public key as age-keygen prints it; keys of SSH are not taken.',
      }),
      'Who opens encrypted environment files: the server, and whoever edits them.',
    ),
  },
  'Encrypted environment files in the repository.',
  '{ recipients: [age1…] }',
);

export const labSchema = mapping(
  {
    version,
    name: text({
      expected: 'a name of lower-case letters, digits and -',
      example: 'homelab',
      pattern: /^[a-z0-9][a-z0-9_-]{0,62}$/,
      description: 'Name of the lab.',
    }),
    domain: dnsName('Domain below which routes live.').optional(),
    storage: storage.optional(),
    owners: owners.default({}),
    sharedGroup: text({
      expected: 'the name of a group on the host',
      example: 'labdata',
      pattern: /^[a-z_][a-z0-9_-]{0,31}$/,
      description: 'Host group of every service directory; directories are then set-gid.',
    }).optional(),
    networks: networks.prefault({}),
    hub: hub.optional(),
    dns: labDns.optional(),
    backup: labBackup.optional(),
    registries: registries.default({}),
    secrets: secrets.optional(),
    policy: labPolicy.prefault({}),
    limits: limits.prefault({}),
  },
  'The single point of truth of one lab.',
).meta({ title: 'lab.yaml of Steward' });

export type Lab = z.output<typeof labSchema>;
