import { describe, expect, test } from 'vitest';
import { compose, files, problemsOf } from './policy-lab.ts';

describe('variables of programs that compose runs', () => {
  const refusedFor = async (name: string, more = '') => {
    const env = `A=b\n${name}=x\nDOCKER_HOSTNAME=y\n`;
    const problems = await problemsOf({
      ...files(compose(), { 'services/photo/.env': env }),
      ...(more === '' ? {} : { 'services/photo/service.yaml': more }),
    });
    return problems.map(({ file, line, message }) => `${file}:${line} ${message}`);
  };

  // What is run, by whom, through whom, and whom it believes.
  const bad =
    'LD_PRELOAD DOCKER_HOST GIT_SSH_COMMAND HOME XDG_CONFIG_HOME GIT_TRACE PATH TMPDIR GODEBUG GLIBC_TUNABLES BASH_ENV'
      .concat(
        ' DOCKER_BUILDKIT DOCKER_CONFIG DOCKER_API_VERSION DOCKER_CONTENT_TRUST_SERVER DOCKER_AUTH_CONFIG',
      )
      .concat(
        ' COMPOSE_ENV_FILES COMPOSE_EXPERIMENTAL_GIT_REMOTE COMPOSE_REMOVE_ORPHANS COMPOSE_BAKE BUILDX_CONFIG',
      )
      .concat(
        ' HTTPS_PROXY https_proxy all_proxy NO_PROXY SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE CURL_CA_BUNDLE',
      )
      .concat(
        ' OTEL_EXPORTER_OTLP_ENDPOINT GRPC_XDS_BOOTSTRAP SSH_AUTH_SOCK SSH_SK_PROVIDER GNUPGHOME DBUS_SESSION_BUS_ADDRESS',
      )
      .concat(
        ' PYTHONPATH NODE_OPTIONS CLOUDSDK_PYTHON AWS_CONFIG_FILE GOOGLE_APPLICATION_CREDENTIALS RES_OPTIONS',
      );
  test.each(bad.split(' '))('%s keeps compose from being called at all', async (name) => {
    expect(await refusedFor(name)).toEqual([
      `services/photo/.env:2 ${name} is a variable of programs that compose runs on the server`,
    ]);
  });

  const ordinary =
    'TZ PUID PGID UID GID USER LANG DB_PASSWORD POSTGRES_PASSWORD HTTP_PORT HTTPS_PORT DOMAIN ENV NODE_ENV SSH_PORT GITEA_KEY'
      .concat(
        ' COMPOSE_PROFILES COMPOSE_PROJECT_NAME COMPOSE_FILE DOCKER_DEFAULT_PLATFORM DOCKER_INFLUXDB_INIT_MODE',
      )
      .concat(
        ' GIT_PORT GIT_DB_PASSWORD GIT_UID DOCKER_GID DOCKER_DATA_DIR DOCKER_REGISTRY DOCKER_MODS TRUST_PROXY PROXY_HOST SSL_MODE PYTHONUNBUFFERED',
      )
      .concat(
        ' AWS_ACCESS_KEY_ID AWS_REGION GOOGLE_CLIENT_ID GOTIFY_PORT LOG_LEVEL JAVA_OPTS TEMP PWD MALLOC_ARENA_MAX',
      );
  test(`of people and images: ${ordinary}`, async () => {
    const env = ordinary.split(' ').map((name) => `${name}=x\n`);
    const proxies =
      'environment: { HTTP_PROXY: "http://proxy:1", https_proxy: "http://proxy:1", OTEL_SERVICE_NAME: a }';
    const tree = files(compose(proxies), { 'services/photo/.env': env.join('') });
    expect((await problemsOf(tree)).map(({ message }) => message)).toEqual([]);
  });

  test.each([
    ['two variables in a line', 'A="x" MORE=y', 'text follows the closing quote'],
    ['two without a blank', "A='x'MORE=y", 'text follows the closing quote'],
    ['one behind several lines', 'A="x\ny" MORE=y', 'text follows the closing quote'],
    ['a blank that few know', '\u0085MORE=y', 'the character U+0085 is in it'],
    ['one behind the name', 'MORE\u0085=y', 'the character U+0085 is in it'],
    ['one before a quote', 'A=\u00a0"x" MORE=y', 'the character U+00A0 is in it'],
    ['a return that ends no line', 'A="x"\rMORE=y', 'text follows the closing quote'],
    ['a vertical tab', 'export\vMORE=y', 'the character U+000B is in it'],
    ['export alone', 'export\nMORE=y', 'it is not NAME=value'],
    ['a wide blank', '\u3000MORE=y', 'it is not NAME=value'],
    ['a second BOM', '\ufeffMORE=y', 'the character U+FEFF is in it'],
    ['a NUL', 'A="\0"', 'the character U+0000 is in it'],
    ['a quote without an end', 'A="x', 'the quote is not closed'],
  ])('%s: the file is not handed to compose', async (_what, text, why) => {
    const env = `# first\r\nB='several\nlines' # said\r\n\tC=d\n`;
    const problems = await problemsOf(files(compose(), { 'services/photo/.env': `${env}${text}\n` }));
    expect(problems.map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([
      `services/photo/.env:${text.includes('x\ny') ? 6 : 5} compose may read this line in another way: ${why}`,
    ]);
  });

  test('with a reason it is taken', async () => {
    const allow = 'policy: { allow: [{ rule: server-environment, reason: "of an image of old" }] }\n';
    expect(await refusedFor('GIT_TRACE', allow)).toEqual([]);
  });
});
