import { z } from 'zod';
import { upstreamPattern } from '../routes.ts';
import { serviceBackup } from './backup.ts';
import { duration, mode, relativePath, serviceName } from './names.ts';
import { strangePlaceholder } from './placeholders.ts';
import { ruleName } from './policy.ts';
import { choice, flag, list, mapping, table, text, whole, words } from './words.ts';
import { zfsPropertyNames } from './zfs-properties.ts';

const propertyText = words('a text, a number, on or off', 'write e.g. 500G');

/** Names and values are judged by `zfsPropertyProblems`, which can also point at the nearest known name. */
export const zfsProperties = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: propertyText }), {
    error: words('a mapping of ZFS properties', 'write e.g. { compression: zstd }'),
  })
  .describe('ZFS properties set on the dataset.')
  .meta({
    propertyNames: {
      anyOf: [{ enum: zfsPropertyNames }, { pattern: '^(?!steward:)[a-z0-9][a-z0-9+._-]*:' }],
    },
  });

const childName = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*(\/[a-zA-Z0-9][a-zA-Z0-9_.-]*)*$/, {
  error: words('the name of a child dataset', 'write e.g. database'),
});

const dataset = mapping(
  {
    properties: zfsProperties.optional(),
    children: table(
      childName,
      mapping({ properties: zfsProperties.optional() }, 'One child dataset.').nullable(),
      'Datasets below the service dataset, mounted below it.',
    ).optional(),
  },
  'The ZFS dataset of this service; it exists whether or not this is written.',
);

const owner = z
  .union([z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$|^\d{1,5}$/), z.int().min(0).max(65_535)], {
    error: words('a name out of `owners` in lab.yaml or a numeric user id', 'write e.g. postgres or 999'),
  })
  .describe('Name out of `owners` in lab.yaml, or a user id inside the container.');

const directory = mapping(
  {
    path: relativePath('Path below the dataset; `.` is the dataset itself.'),
    owner: owner.optional(),
    group: owner
      .describe('Group inside the container; without it the directory belongs to `sharedGroup` of lab.yaml.')
      .optional(),
    mode: mode('Octal mode, quoted.').optional(),
    recursive: flag(
      'Give everything below to the owner too, also when the directory exists already.',
    ).optional(),
  },
  'One directory.',
);

const headerName = z.string().regex(/^-?[A-Za-z0-9][A-Za-z0-9-]*$/, {
  error: words('the name of a header; with - before it, it is removed', 'write e.g. X-Robots-Tag'),
});

/** Caddy knows no way to write a backslash before a quote; its placeholders for files and variables are the hub's own. */
const headerValue = text({
  expected: 'a value in one line, without \\ and with placeholders of the request alone ({host}, {header.…})',
  example: 'noindex',
  pattern: /^(?!.*\{(\$|env\.|file\.))[^\p{Cc}\\]*$/u,
  test: (value) => strangePlaceholder(value) === null,
  description: 'Value; none for a header that is removed.',
});

const headers = (description: string) => table(headerName, headerValue, description);

const userName = z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/, {
  error: words('the name of a user', 'write e.g. ada'),
});

const passwordHash = text({
  expected: 'a bcrypt hash, as `caddy hash-password` prints it',
  example: '"$2a$14$…"',
  pattern: /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/,
  description: 'Hash of the password, never the password.',
});

const route = mapping(
  {
    host: text({
      expected: 'a host name such as photo (for photo.<domain>) or photo.example.org',
      example: 'photo',
      pattern: /^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
      description: 'Host name; without a dot it is below `domain`.',
    }),
    to: text({
      expected: 'a container and its port such as "photo-server:2283"',
      example: '"photo-server:2283"',
      pattern: upstreamPattern,
      description: 'Container and port that requests go to.',
    }).optional(),
    redirect: text({
      expected: 'an address such as https://photo.example.org',
      example: 'https://photo.example.org',
      pattern: /^https?:\/\/[A-Za-z0-9.:-]+(\/[A-Za-z0-9._~/%-]*)?$/,
      description: 'Address that every request is sent on to, with its path, in the place of `to`.',
    }).optional(),
    path: text({
      expected: 'a path such as /api',
      example: '/api',
      pattern: /^\/[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/,
      description: 'Only what is at or below this path.',
    }).optional(),
    stripPath: flag('The path is taken off before the container sees the request.').optional(),
    tls: choice(['internal', 'acme', 'off'], 'Who issues the certificate.').default('internal'),
    headers: headers('Headers of every answer.').optional(),
    requestHeaders: headers('Headers of every request, as the container sees it.').optional(),
    basicAuth: table(
      userName,
      passwordHash,
      'Users that may come in, and the hashes of their passwords.',
    ).optional(),
    streamCloseDelay: duration(
      'How long WebSockets may go on when the hub is told something new; only Caddy 2.7 and newer know it.',
    ).optional(),
    probe: mapping(
      {
        path: text({
          expected: 'a path such as /health, at or below that of the route',
          example: '/health',
          pattern: /^\/[A-Za-z0-9._~/%?&=-]*$/,
          description: 'What is asked for; by default the path of the route.',
        }).optional(),
        expect: list(
          whole(200, 599, 'Status code.'),
          'Status codes that are an answer; by default all but 502, 503 and 504, which are the hub’s own.',
        )
          .min(1, { error: words('at least one status code', 'write e.g. [200, 401]') })
          .optional(),
      },
      'How it is seen that the route answers.',
      '{ path: /health, expect: [200] }',
    ).optional(),
    caddy: text({
      expected: 'directives of a Caddyfile',
      example: '"encode gzip"',
      description: 'Directives of a Caddyfile, out of those that docs/routes.md lists.',
      longest: 20_000,
    }).optional(),
  },
  'One host name of the reverse proxy.',
);

const deploy = mapping(
  {
    dependsOn: list(
      serviceName('Service that must be healthy first.'),
      'Services that must be healthy first.',
    ).default([]),
    healthTimeout: duration('How long the containers may take to become healthy.').default('180s'),
    onFailure: choice(['rollback', 'leave'], 'What happens when they do not.').default('rollback'),
  },
  'How this service is brought up.',
);

const exception = mapping(
  {
    rule: ruleName.describe('Rule that is waived.'),
    container: text({
      expected: 'the name of a container inside the compose file',
      example: 'dns-adguard',
      pattern: /^[a-zA-Z0-9._-]+$/,
      description: 'Of this container only; without it, of all of the service.',
    }).optional(),
    reason: text({
      expected: 'a reason in a few words',
      example: '"DNS must listen on the host"',
      pattern: /\S/,
      description: 'Why, for whoever reads this later.',
    }),
  },
  'One waived rule.',
);

export const serviceSchema = mapping(
  {
    version: z
      .literal(1, { error: words('1, the version of this format', 'write version: 1') })
      .default(1)
      .describe('Version of this format.'),
    dataset: dataset.optional(),
    directories: list(
      directory,
      'Directories whose owner or mode differs from what the compose file implies.',
    ).default([]),
    routes: list(route, 'Host names of the reverse proxy.').default([]),
    backup: serviceBackup.optional(),
    deploy: deploy.prefault({}),
    policy: mapping(
      { allow: list(exception, 'Waived rules.').default([]) },
      'Exceptions from the rules of the lab.',
    ).optional(),
    suspend: flag('Leave this service exactly as it is.').default(false),
  },
  'What a service wants beyond its compose file; every part is optional.',
).meta({ title: 'service.yaml of Steward' });

export type ServiceConfig = z.output<typeof serviceSchema>;
