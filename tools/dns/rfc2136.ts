import { Resolver } from 'node:dns/promises';
import pLimit from 'p-limit';
import { run, ToolError } from '../run.ts';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type DnsRecord,
  type DnsServer,
  type SeenName,
  typeOf,
} from './types.ts';

type Rfc2136 = Extract<DnsProvider, { provider: 'rfc2136' }>;

/** Questions that are under way at once: a server on a small machine drops what comes in a heap. */
const atOnce = 16;

/**
 * A server that takes dynamic updates (RFC 2136), such as BIND, Knot and PowerDNS, told by `nsupdate`. Each update names
 * what must be there before it, so that nobody else's record is ever replaced, whoever is quicker. A TXT record at
 * `_steward.<name>` says whose it is.
 */
export function rfc2136(provider: Rfc2136, options: DnsOptions): DnsServer {
  return {
    look: (names) => look(names, provider, options),
    put: async (record, replaces) => {
      const { name, address } = record;
      const type = typeOf(address);
      const mark = `"${options.mark}"`;
      const before =
        replaces === null
          ? ['A', 'AAAA', 'CNAME'].map((each) => `prereq nxrrset ${name}. ${each}`)
          : [`prereq yxrrset ${name}. ${typeOf(replaces)} ${replaces}`];
      await update(provider, options, record, [
        ...before,
        ...(replaces === null ? [] : [`update delete ${name}. ${typeOf(replaces)} ${replaces}`]),
        `update add ${name}. ${provider.ttl} ${type} ${address}`,
        `update delete ${markOf(name)}. TXT`,
        `update add ${markOf(name)}. ${provider.ttl} TXT ${mark}`,
      ]);
    },
    remove: (record) =>
      update(provider, options, record, [
        `prereq yxrrset ${markOf(record.name)}. TXT "${options.mark}"`,
        `update delete ${record.name}. ${typeOf(record.address)} ${record.address}`,
        `update delete ${markOf(record.name)}. TXT`,
      ]),
  };
}

/** A wildcard's own label may stand at the beginning of a name only. */
export function markOf(name: string): string {
  return `_steward.${name.replace(/^\*\./, '_wildcard.')}`;
}

async function look(
  names: readonly string[],
  { server, port }: Rfc2136,
  { timeoutMs = 10_000, signal }: DnsOptions,
): Promise<Record<string, SeenName>> {
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 4), tries: 2 });
  resolver.setServers([server.includes(':') ? `[${server}]:${port}` : `${server}:${port}`]);
  const limit = pLimit(atOnce);
  const abort = () => resolver.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const seen = await Promise.all(
      names.map((name) => limit(async () => [name, await lookAt(name, resolver)] as const)),
    );
    return Object.fromEntries(seen);
  } catch (error) {
    limit.clearQueue();
    throw new DnsError(whyNoAnswer(error as NodeJS.ErrnoException, server), { cause: error });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function lookAt(name: string, resolver: Resolver): Promise<SeenName> {
  const [four, six, texts] = await Promise.all([
    absentIsNone(resolver.resolve4(name)),
    absentIsNone(resolver.resolve6(name)),
    absentIsNone(resolver.resolveTxt(markOf(name))),
  ]);
  const seen = { addresses: [...four, ...six].sort(), mark: texts[0]?.join('') ?? null };
  if (seen.addresses.length > 0) return seen;
  // One that leads out of what this server knows has no address here, and is somebody's all the same.
  const [alias] = await absentIsNone(resolver.resolveCname(name));
  return alias === undefined ? seen : { ...seen, alias };
}

function absentIsNone<T>(answer: Promise<T[]>): Promise<T[]> {
  return answer.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
    throw error;
  });
}

function whyNoAnswer({ code }: NodeJS.ErrnoException, server: string): string {
  if (code === 'ETIMEOUT' || code === 'ECONNREFUSED')
    return `the DNS server ${server} does not answer; is it running, and may this host ask it?`;
  if (code === 'EREFUSED') return `the DNS server ${server} refuses to answer this host`;
  return `the DNS server ${server} answers with an error (${code})`;
}

async function update(
  { server, port, zone, keyFile }: Rfc2136,
  { timeoutMs = 10_000, signal, commands }: DnsOptions,
  { name }: DnsRecord,
  lines: string[],
): Promise<void> {
  const input = [`server ${server} ${port}`, `zone ${zone}.`, ...lines, 'send', ''].join('\n');
  const args = ['-t', String(Math.ceil(timeoutMs / 1000)), ...(keyFile === null ? [] : ['-k', keyFile])];
  const { exitCode, stdout, stderr } = await run(commands?.nsupdate ?? 'nsupdate', args, {
    input,
    timeoutMs: timeoutMs + 2_000,
    apart: true,
    ...(signal === undefined ? {} : { signal }),
  }).catch((error) => {
    if (!(error instanceof ToolError)) throw error;
    const cure = error.message.includes('not installed') ? '; apt-get install bind9-dnsutils' : '';
    throw new DnsError(`${error.message}${cure}`, { cause: error });
  });
  if (exitCode !== 0) throw new DnsError(refusalOf(`${stderr}\n${stdout}`, name, server));
}

/** Source: the answers of nsupdate of BIND 9.18, which names the code of the server. */
function refusalOf(said: string, name: string, server: string): string {
  const code = /update failed: (?:\w+\()?(\w+)/.exec(said)?.[1] ?? '';
  if (code === 'YXRRSET' || code === 'YXDOMAIN') return `${name} has got a record of somebody else meanwhile`;
  if (code === 'NXRRSET' || code === 'NXDOMAIN')
    return `the record of ${name} is not the one it was any more`;
  if (code === 'NOTZONE' || code === 'NOTAUTH')
    return `the DNS server ${server} does not take updates for ${name} (${code}): is zone, and the key, right?`;
  if (code === 'REFUSED')
    return `the DNS server ${server} refuses to be updated by this host, or with this key`;
  const last = said.trim().split('\n').at(-1)?.trim() ?? '';
  return `the DNS server ${server} was not updated: ${last === '' ? 'nsupdate says nothing' : last}`;
}
