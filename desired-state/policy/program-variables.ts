import type { EnvLines } from '../context.ts';
import type { Broken } from './types.ts';

/**
 * Compose makes the variables of .env its own, and so those of every program that it runs. By these a file of the
 * repository would tell them what to run, whom to ask and whom to believe. Sources: the manuals of each, and the names in
 * the program of compose 2.26.
 */
const families = [
  // What a program loads, where it writes, and who it is: ld.so, libc, Go, shells.
  'HOME|PATH|SHELL|PS4|CDPATH|TMPDIR|BASH_.*|BASHOPTS|SHELLOPTS|XDG_.*|EDITOR|VISUAL|PAGER|BROWSER',
  'LD_.*|GLIBC_.*|MALLOC_(TRACE|CONF|CHECK_)|GCONV_PATH|LOCPATH|NLSPATH|TZDIR|ZONEINFO',
  'HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|RESOLV_.*',
  'GO(DEBUG|GC|MEMLIMIT|MAXPROCS|TRACEBACK|COVERDIR|ROOT|PATH|RACE|FIPS.*)|CGO_.*',
  // The same of languages in which helpers for passwords are written.
  'PYTHON(PATH|HOME|STARTUP|INSPECT|USERBASE|PLATLIBDIR|EXECUTABLE|BREAKPOINT|WARNINGS)|PERL.*|RUBY(OPT|LIB)',
  'NODE_(OPTIONS|PATH|EXTRA_CA_CERTS)|(JAVA_TOOL|_JAVA|JDK_JAVA)_OPTIONS|CLASSPATH|LUA_(PATH|CPATH|INIT).*',
  // git, ssh, gpg and what they ask for passwords.
  'GIT_.*|GCM_.*|SSH_(ASKPASS.*|AUTH_SOCK|AGENT_PID|SK_.*|PKCS11_.*)|GNUPGHOME|GPG_.*|PASSWORD_STORE_.*',
  'PINENTRY_.*|SUDO_.*|DBUS_.*|NETRC|CURL_.*|KRB5.*',
  // Who is in between, and whose certificates count; curl and Go know proxies in both cases.
  '(HTTPS?|FTP|ALL|NO|SOCKS\\d?|WSS?|RSYNC)_PROXY|(https?|ftp|all|no|socks\\d?|wss?|rsync)_proxy',
  'SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|OPENSSL_.*|GNUTLS_.*|P11_.*|NSS_.*|REQUESTS_CA_BUNDLE',
  // What they tell of themselves, and to whom.
  'OTEL_.*|TRACEPARENT|TRACESTATE|JAEGER_.*|GRPC_(GO|XDS|GCP|EXPERIMENTAL|ENFORCE|BINARY|RING|ALTS|TEST)_.*',
  // The docker command, compose, their builder, and clouds that passwords of registries come from.
  'DOCKER_.*|COMPOSE_.*|BUILDX_.*|BUILDKIT_.*|EXPERIMENTAL_BUILDKIT_.*|MOBY_.*|NOTARY_.*|ACTIONS_.*|SOURCE_DATE_EPOCH',
  'AWS_(CONFIG_FILE|SHARED_.*|CA_.*|ENDPOINT_URL.*|EC2_.*|CONTAINER_.*|WEB_.*|ROLE_.*|(DEFAULT_)?PROFILE|SDK_.*)',
  'CLOUDSDK_.*|GOOGLE_(APPLICATION|EXTERNAL|API_USE)_.*|AZURE_(CONFIG|AUTHORITY|EXTENSION|CLI)_.*',
];
const told = new RegExp(`^(${families.join('|')})$`);

/** Of git's, docker's and compose's own families: what the compose file may say as well, and names that people and images use. */
const harmless = new RegExp(
  `^(${[
    'COMPOSE_(FILE|PATH_SEPARATOR|PROJECT_NAME|PROFILES|HTTP_TIMEOUT|DOCKER_CLI_BUILD)|DOCKER_DEFAULT_PLATFORM',
    'DOCKER_(INFLUXDB_.*|MODS.*|[UGP]{1,2}ID|USER|GROUP|SOCK|SOCKET|DOMAIN|HOSTNAME|HOST_IP|NETWORK|SUBNET)',
    'GIT_([UG]ID|(SSH_|WEB_)?PORT|DOMAIN|HOST|HOSTNAME|TAG|VERSION|IMAGE|(DB|DATABASE|POSTGRES|MYSQL|ADMIN|SECRET)_.*)',
    'DOCKER_(REGISTRY|REPO|REPOSITORY|IMAGE|TAG|VERSION|DIR|ROOT|((DATA|VOLUMES?|APPS?|STACKS?|BASE)(_?(DIR|PATH|ROOT))?))',
  ].join('|')})$`,
);

function isOfPrograms(name: string): boolean {
  return told.test(name) && !harmless.test(name);
}

/** Of the host's own environment file nothing is said: who writes that is root. */
export function variablesOfPrograms({ env }: { env: readonly EnvLines[] }): Broken[] {
  return env
    .filter(({ file }) => file !== null)
    .flatMap(({ variables }) => [...variables])
    .filter(([name]) => isOfPrograms(name))
    .map(([name, origin]) => ({
      container: null,
      origin,
      message: `${name} is a variable of programs that compose runs on the server`,
      text: name,
      fix: 'remove it; what a container needs stands under environment, from a variable of another name',
    }));
}
