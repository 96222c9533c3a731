import { describe, expect, test } from 'vitest';
import { problemsOf, stateOf, uncoveredLab } from './lab-folder.ts';
import { readerOf } from './policy-lab.ts';

/** The hub is on the network of every service with a route, so that a bare name may be that of several containers. */

const lab = `${uncoveredLab}domain: homelab.lan\nhub: { service: hub, container: hub-caddy, address: 192.168.1.100 }\n`;
const caddyfile = '{\n\tadmin unix//run/caddy/admin.sock\n}\nimport /etc/caddy/routes/*.caddy\n';
const hub = `services:
  caddy:
    image: "caddy:1"
    container_name: hub-caddy
    networks: { hub_net: {} }
    volumes:
      - /tank/services/hub/routes:/etc/caddy/routes:ro
      - /tank/services/hub/run:/run/caddy
networks: { hub_net: { external: true } }
`;

const compose = (name: string, container: string) =>
  `services:\n  web: ${container}\nnetworks: { ${name}_net: { external: true } }\n`;
const service = (name: string, container: string, routes: string) => ({
  [`services/${name}/docker-compose.yml`]: compose(name, container),
  ...(routes === '' ? {} : { [`services/${name}/service.yaml`]: `routes:\n  - ${routes}\n` }),
});
const on = (name: string, more = '') => `{ image: x, networks: { ${name}_net: {} }${more} }`;

const files = (...services: Record<string, string>[]) => ({
  'lab.yaml': lab,
  'services/hub/docker-compose.yml': hub,
  'services/hub/Caddyfile': caddyfile,
  ...Object.assign({}, ...services),
});

async function upstreams(...services: Record<string, string>[]): Promise<Record<string, string[]>> {
  const { resources } = await stateOf(files(...services));
  const routes = resources.flatMap((each) => (each.kind === 'caddy-route' ? [each] : []));
  const found = routes.map(
    ({ name, snippet }) =>
      [name, [...(snippet ?? '').matchAll(/reverse_proxy (\S+)/g)].map(([, to = '']) => to)] as const,
  );
  return Object.fromEntries(found.filter(([, to]) => to.length > 0));
}

describe('the hub asks for a container by a name of one network', () => {
  test('so that two services may call theirs alike', async () => {
    const found = await upstreams(
      service('a', on('a'), '{ host: a, to: "web:80" }'),
      service('b', on('b'), '{ host: b, to: "http://web:80" }'),
    );
    expect(found).toEqual({ a: ['web.a_net:80'], b: ['http://web.b_net:80'] });
  });

  test.each([
    [
      'its own name, which Docker gives once, in the place of one that several may have',
      '',
      'web',
      'a-web.a_net',
    ],
    ['its own name in the place of an alias', ', aliases: [pictures]', 'pictures', 'a-web.a_net'],
  ])('%s', async (_name, alias, to, name) => {
    const container = `{ image: x, container_name: a-web, networks: { a_net: { x-y: 1${alias} } } }`;
    const found = await upstreams(service('a', container, `{ host: a, to: "${to}:80" }`));
    expect(found).toEqual({ a: [`${name}:80`] });
  });

  test('and a certificate of it is checked for the name that was written', async () => {
    const { resources } = await stateOf(files(service('a', on('a'), '{ host: a, to: "https://web:443" }')));
    const route = resources.find(({ id }) => id === 'caddy-route:a');
    expect(route?.kind === 'caddy-route' && route.snippet).toContain(
      '\treverse_proxy https://web.a_net:443 {\n\t\ttransport http {\n\t\t\ttls_server_name web\n\t\t}\n\t}\n',
    );
  });

  test('and for an address outside as it is written', async () => {
    expect(await upstreams(service('a', on('a'), '{ host: a, to: "nas.home.arpa:80" }'))).toEqual({
      a: ['nas.home.arpa:80'],
    });
  });
});

describe.each(['built-in', 'docker'])('with the reader %s', (reader) => {
  describe('a name that the hub could take for another container is an error that names both places:', () => {
    const victim = service('a', on('a', ', container_name: a-web'), '{ host: a, to: "a-web:80" }');
    const joined = (container: string) => service('b', container, '{ host: b, to: "web:80" }');

    test.each([
      [
        'an alias that is the name of one network',
        joined('{ image: x, networks: { b_net: { aliases: [a-web.a_net] } } }'),
        'services/b/docker-compose.yml:2:50',
      ],
      [
        'whatever the case',
        joined('{ image: x, networks: { b_net: { aliases: [A-Web.A_net] } } }'),
        'services/b/docker-compose.yml:2:50',
      ],
      [
        'a host name on the same network',
        {
          ...joined(on('b')),
          'services/c/docker-compose.yml': compose('a', on('a', ', hostname: a-web')),
        },
        'services/c/docker-compose.yml:2:55',
      ],
      [
        'a host name that is the name of one network',
        joined('{ image: x, networks: { b_net: {} }, hostname: a-web.a_net }'),
        'services/b/docker-compose.yml:2:55',
      ],
      [
        'a container that joins by network_mode',
        {
          ...joined(on('b', ', container_name: web')),
          'services/b/docker-compose.yml':
            'services:\n  web: { image: x, networks: { b_net: {} } }\n  x: { image: x, network_mode: b_net, container_name: a-web.a_net }\nnetworks: { b_net: { external: true } }\n',
        },
        'services/b/docker-compose.yml:3:55',
      ],
      [
        'the name of a service in a compose file, on the same network',
        {
          'services/c/docker-compose.yml':
            'services:\n  a-web: { image: x, networks: { a_net: {} } }\nnetworks: { a_net: { external: true } }\n',
        },
        'services/c/docker-compose.yml:2:10',
      ],
    ])('%s', async (_name, other, at) => {
      // As a reader gives them out: what is masked there, nobody looks at.
      const problems = await problemsOf(files(victim, other), { compose: await readerOf(reader) });
      const [, thief = ''] = /services\/(\w)/.exec(at) ?? [];
      expect(problems).toContain(
        `services/a/service.yaml:2:20 error: the hub may take "a-web" for a container of ${thief}, which has that name too at ${at} => choose another name at one of the two places`,
      );
    });

    test('an address outside that a container takes for itself', async () => {
      const problems = await problemsOf(
        files(
          service('a', on('a'), '{ host: a, to: "nas.home.arpa:80" }'),
          joined('{ image: x, networks: { b_net: { aliases: [nas.home.arpa] } } }'),
        ),
      );
      expect(problems.join('\n')).toContain('the hub may take "nas.home.arpa" for a container of b');
    });

    test('a container of another service under its whole name', async () => {
      const problems = await problemsOf(
        files(victim, service('b', on('b'), '{ host: b, to: "a-web.a_net:80" }')),
      );
      expect(problems).toEqual([
        'services/b/service.yaml:2:20 error: the hub may take "a-web.a_net" for a container of a, which has that name too at services/a/docker-compose.yml:2:61 => choose another name at one of the two places',
      ]);
    });

    test('and none where the hub is on no network of it', async () => {
      const other = {
        'services/c/docker-compose.yml': compose(
          'c',
          '{ image: x, networks: { c_net: { aliases: [a-web.a_net] } } }',
        ),
      };
      expect(await problemsOf(files(victim, other))).toEqual([]);
    });
  });
});

test('a route to a container of another service is refused: its own service says who may come in', async () => {
  const problems = await problemsOf(
    files(
      service('a', on('a', ', container_name: a-web'), ''),
      service('b', on('b'), '{ host: b, to: "a-web:80" }'),
    ),
  );
  expect(problems).toEqual([
    'services/b/service.yaml:2:20 error: "a-web" is a container of a, not of b => move the route to services/a/service.yaml',
  ]);
});

test.each(['a-web.:80', 'a-web.a_net.:80', 'localhost.:80', '127.0.0.1.:80'])(
  '%s is no name: with a dot at its end it would go past all that is known of names',
  async (to) => {
    expect((await problemsOf(files(service('b', on('b'), `{ host: b, to: "${to}" }`)))).join()).toContain(
      'services/b/service.yaml:2:20 error: ',
    );
  },
);

test('where no name is near each one is offered, and none twice', async () => {
  const called = on('b', ', container_name: web');
  const problems = await problemsOf(files(service('b', called, '{ host: b, to: "something-else:80" }')));
  expect(problems.join()).toMatch(/b has no container "something-else" => write one of web$/);
});

describe('an address', () => {
  const routed = (to: string) => problemsOf(files(service('a', on('a'), `{ host: a, to: "${to}" }`)));

  test.each([
    ['127.0.0.1:2019', 'of the hub or of this host'],
    ['127.1:2019', 'of the hub or of this host'],
    ['0.0.0.0:22', 'of the hub or of this host'],
    ['http://192.168.1.100:22', 'of the hub or of this host'],
    ['172.17.0.1:22', 'of a container or of this host'],
    ['10.88.3.4:5432', 'of a container or of this host'],
    ['admin.LOCALHOST:2019', 'of the hub or of this host'],
    ['localhost.localdomain:22', 'of the hub or of this host'],
    ['http://host.docker.internal:22', 'of the hub or of this host'],
  ])('%s is refused: it is one %s', async (to, whose) => {
    expect((await routed(to)).join()).toContain(
      `is an address ${whose} => write a container of this service`,
    );
  });

  test('without a dot is told once', async () => {
    expect(await routed('localhost:80')).toEqual([
      'services/a/service.yaml:2:20 error: "localhost" is an address of the hub or of this host => write a container of this service by its name, or the address of another machine',
    ]);
  });

  test('of another machine is taken', async () => {
    for (const to of [
      '192.168.1.50:8080',
      'nas.homelab.lan:8080',
      'nas.localdomain:80',
      'mylocalhost.org:80',
    ])
      expect(await routed(to)).toEqual([]);
  });
});
