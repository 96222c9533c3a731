import { describe, expect, it, test } from 'vitest';
import { judgeDirectives } from '../../desired-state/hub/directives.ts';
import { problemsOf, stateOf, uncoveredLab } from './lab-folder.ts';

/** What a commit of somebody else may say of the hub in `caddy:`. */

const trust = { permitted: [], dialled: (to: string) => (to === 'web:80' ? 'web.photo_net:80' : null) };
const judge = (text: string, permitted: string[] = []) => judgeDirectives(text, { ...trust, permitted });
const flawsOf = (text: string) => judge(text).flaws.map(({ line, message }) => `${line}: ${message}`);

describe('what is harmless is written as Caddy is to read it:', () => {
  test.each([
    ['encode zstd gzip', ['encode zstd gzip']],
    ['  respond   "it is \\"down\\""   503 # for now', ['respond "it is \\"down\\"" 503']],
    ['respond `{"ok": true}`', ['respond "{\\"ok\\": true}"']],
    [
      '@old path_regexp `^/a\\.html$`\nredir @old /b{query}',
      ['@old path_regexp `^/a\\.html$`', 'redir @old /b{query}'],
    ],
    ['header \\\n  X-A b', ['header X-A b']],
    ['respond ""', ['respond ""']],
    ['request_body {\n  max_size 10MB\n}', ['request_body {', '\tmax_size 10MB', '}']],
    [
      '@lan {\n not remote_ip 10.0.0.0/8\n not {\n path /open\n }\n}\nabort @lan',
      ['@lan {', '\tnot remote_ip 10.0.0.0/8', '\tnot {', '\t\tpath /open', '\t}', '}', 'abort @lan'],
    ],
    [
      'handle_path /x/* {\n reverse_proxy @post web:80 {\n header_up X-Real-IP {remote_host}\n stream_close_delay 5m\n }\n}',
      [
        'handle_path /x/* {',
        '\treverse_proxy @post web.photo_net:80 {',
        '\t\theader_up X-Real-IP {remote_host}',
        '\t\tstream_close_delay 5m',
        '\t}',
        '}',
      ],
    ],
  ])('%j', (text, lines) => {
    expect(judge(text)).toMatchObject({ flaws: [], lines, isTrusted: false });
  });
});

describe('refused, with its line, is', () => {
  test.each([
    ['a file', 'encode gzip\nfile_server', '1: "file_server" is not a directive'],
    ['a root', 'root * /data', '0: "root" is not'],
    ['templates', 'templates', '0: "templates" is not'],
    ['a log', 'log {\n output file /data/x\n}', '0: "log" is not'],
    ['another text', 'import /data/*', '0: a route takes no other text in'],
    ['the same below', 'handle {\n import x\n}', '1: a route takes no other text in'],
    [
      'the same in a block of headers',
      'header {\n "import" /etc/passwd\n}',
      '1: a route takes no other text in',
    ],
    ['a variable of the environment', 'respond {env.TOKEN}', '0: {env.TOKEN} tells nothing of the request'],
    ['the same in a text of JSON', 'respond `{"a":{env.TOKEN}}`', '0: {env.TOKEN} tells'],
    ['the same inside of another', 'respond {host{env.TOKEN}}', '0: {env.TOKEN} tells'],
    ['the same before it is read', 'respond x # {$TOKEN}', '0: it names the environment'],
    ['a file as a placeholder', 'header X {file./data/key}', '0: {file./data/key} tells'],
    ['a name of the system', 'header X {system.hostname}', '0: {system.hostname} tells'],
    ['variables of the hub', 'respond {http.vars.root}', '0: {http.vars.root} tells'],
    ['a matcher of variables', '@a vars_regexp x y z', '0: "vars_regexp" is not a matcher'],
    ['an expression', '@a expression true', '0: "expression" is not a matcher'],
    ['an expression without its name', "@a `path('/x')`", '0: "path(\'/x\')" is not a matcher'],
    ['a file that is there or not', '@a {\n file /data/x\n}', '1: "file" is not a matcher'],
    ['the same, not', '@a not file /data/x', '0: "file" is not a matcher'],
    ['another container', 'reverse_proxy db:5432', '0: "db:5432" is no container'],
    [
      'the same in its block',
      'reverse_proxy {\n to web:80 127.0.0.1:22\n}',
      '1: "127.0.0.1:22" is no container',
    ],
    ['an upstream of the request', 'reverse_proxy {header.x}', '0: "{header.x}" is no container'],
    ['a socket', 'reverse_proxy unix//run/caddy/admin.sock', '0: "unix//run/caddy/admin.sock" is no'],
    [
      'upstreams by DNS',
      'reverse_proxy {\n dynamic a db 80\n}',
      '1: "dynamic" is not what a block of reverse_proxy',
    ],
    [
      'another answer of the hub',
      'reverse_proxy web:80 {\n handle_response {\n file_server\n }\n}',
      '1: "handle_response" is not',
    ],
    ['FastCGI', 'reverse_proxy web:80 {\n transport fastcgi {\n root /data\n }\n}', '1: a route speaks HTTP'],
    [
      'a certificate of the hub',
      'reverse_proxy web:80 {\n transport http {\n tls_client_auth /data/a /data/b\n }\n}',
      '2: "tls_client_auth" is not',
    ],
    [
      'a proxy behind it',
      'reverse_proxy web:80 {\n transport http {\n forward_proxy_url http://10.0.0.1\n }\n}',
      '2: "forward_proxy_url" is not',
    ],
    [
      'a check of something else',
      'reverse_proxy web:80 {\n health_upstream 127.0.0.1:22\n}',
      '1: "health_upstream" is not',
    ],
    ['the end of its site', '}\nevil.lan {', '0: a } closes nothing'],
    ['the end of its site on one line', 'handle { } }', '0: a brace stands where none can'],
    ['a brace in quotes', 'respond `}`', '0: a brace stands where none can'],
    ['a block that stays open', 'handle {\n respond x', '0: a { is not closed'],
    ['a text of many lines', 'respond <<END\n}\nEND', '0: a text of several lines'],
    ['a quote of many lines', 'respond "a\nb"', '0: a quote is not closed in its line'],
    ['what follows on a quote', 'respond "a"}', '0: a quote is not closed in its line'],
    ['a quote behind a backslash', 'respond \\"a\nb"', '0: a \\ outside of quotes'],
    ['a comment that goes on', 'respond a # \\\nfile_server', '0: a comment has a \\'],
    ['a line that Caddy does not end', 'respond a\r\nfile_server', '0: a character that Caddy'],
    ['white space that nobody sees', 'respond a\u0085file_server', '0: a character that Caddy'],
    ['the same, another one', 'respond\u00a0a', '0: a character that Caddy'],
    ['a name of an object', 'constructor', '0: "constructor" is not'],
    ['a certificate', 'tls /data/a /data/b', '0: "tls" is not'],
    ['an address to listen at', 'bind unix//run/x', '0: "bind" is not'],
    ['its own measurements', 'metrics', '0: "metrics" is not'],
    ['somebody else who says who comes', 'forward_auth db:80', '0: "forward_auth" is not'],
    ['a block where there is none', 'redir /a {\n respond x\n}', '0: redir has no block'],
  ])('%s', (_name, text, words) => {
    expect(judge(text).lines).toEqual([]);
    expect(flawsOf(text).join('\n')).toContain(words);
  });
});

it('a slip of the pen is told from what is not for a route', () => {
  expect(judge('encod gzip').flaws[0]?.fix).toMatch(/^write encode; /);
  expect(judge('root * /data').flaws[0]?.fix).toMatch(/^take it away; /);
});

it('a password is not repeated, wherever it was written', () => {
  const texts = ['basicauth ada hunter2', 'basicauth {\n ada hunter2\n}', 'basicauth hunter2 {\n ada x\n}'];
  for (const text of texts) {
    expect(judge(text).flaws).not.toEqual([]);
    expect(JSON.stringify(judge(text).flaws)).not.toContain('hunter2');
  }
  const hash = `$2a$14$${'a'.repeat(53)}`;
  expect(judge(`basicauth bcrypt {\n ada ${hash}\n}`).flaws).toEqual([]);
});

describe('lab.yaml may permit more', () => {
  it('of what it names, at its place, and what is beside it stays as it was', () => {
    const text = 'forward_auth auth:9091 {\n uri /api\n}';
    expect(judge(text, ['forward_auth'])).toMatchObject({ flaws: [], isTrusted: true });
    expect(judge(`${text}\nfile_server`, ['forward_auth']).flaws).toHaveLength(1);
  });

  it('and the environment of the hub and other texts stay out of it', () => {
    const flaws = (text: string) => judge(text, ['forward_auth']).flaws.map(({ message }) => message);
    expect(flaws('forward_auth auth:1 {\n header_up X {env.TOKEN}\n}')).toEqual([
      '{env.TOKEN} tells nothing of the request',
    ]);
    expect(flaws('forward_auth auth:1 {\n import x\n}')).toEqual(['a route takes no other text in (import)']);
  });
});

const lab = (more = '') =>
  `${uncoveredLab}domain: homelab.lan\nhub: { service: hub, container: hub-caddy, address: 192.168.1.100${more} }\n`;
const files = (text: string, more = '') => ({
  'lab.yaml': lab(more),
  'services/hub/docker-compose.yml':
    'services:\n  caddy: { image: "caddy:1", container_name: hub-caddy, volumes: ["/tank/routes:/etc/caddy/routes:ro", "/tank/run:/run/caddy"] }\n',
  'services/hub/Caddyfile': '{\n\tadmin unix//run/caddy/admin.sock\n}\nimport /etc/caddy/routes/*.caddy\n',
  'services/photo/docker-compose.yml':
    'services:\n  web: { image: x, networks: { photo_net: {} } }\nnetworks: { photo_net: { external: true } }\n',
  'services/photo/service.yaml': `routes:\n  - host: photo\n    caddy: |\n      ${text.replaceAll('\n', '\n      ')}\n`,
});

it('a mistake is told at its line of service.yaml', async () => {
  const problems = await problemsOf(files('encode gzip\n\nfile_sever browse'));
  expect(problems).toEqual([
    'services/photo/service.yaml:6:1 error: "file_sever" is not a directive that a route may have => take it away; docs/routes.md lists what there is; who trusts all that may push permits it in lab.yaml: hub.directives',
  ]);
});

it('the hub joins the network of what directives lead to, and what they may reach is known', async () => {
  const { resources } = await stateOf(files('reverse_proxy /api/* web:80'));
  expect(resources.some(({ id }) => id === 'hub-attachment:photo_net')).toBe(true);
  expect(resources.find(({ id }) => id === 'caddy-route:photo')).toMatchObject({
    bounds: { hosts: ['photo.homelab.lan'], upstreams: ['web.photo_net:80'] },
  });
});

it('with what lab.yaml permits, nobody can say what they reach; their hosts stay their own', async () => {
  const text = 'forward_auth auth:9091 {\n  uri /api\n}';
  expect((await problemsOf(files(text))).join()).toContain('"forward_auth" is not a directive');
  const { resources } = await stateOf(files(text, ', directives: [forward_auth]'));
  expect(resources.find(({ id }) => id === 'caddy-route:photo')).toMatchObject({
    bounds: { hosts: ['photo.homelab.lan'], upstreams: null },
  });
});

it('a name that another container answers to is told for directives too', async () => {
  const problems = await problemsOf({
    ...files('reverse_proxy web:80'),
    'services/b/docker-compose.yml':
      'services:\n  db: { image: x, networks: { b_net: { aliases: [web.photo_net] } } }\nnetworks: { b_net: { external: true } }\n',
    'services/b/service.yaml': 'routes:\n  - { host: b, to: "db:80" }\n',
  });
  expect(problems.join()).toContain('the hub may take "web" for a container of b');
});
