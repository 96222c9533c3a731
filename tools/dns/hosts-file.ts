import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { digest } from '../digest.ts';
import { replaceFile } from '../replace-file.ts';
import { readGuarded, requirePlace } from './guarded-file.ts';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type DnsRecord,
  type DnsServer,
  type SeenName,
} from './types.ts';

type HostsFile = Extract<DnsProvider, { provider: 'hosts-file' }>;

export const header =
  '# Written by Steward: names of the routes in lab.yaml and services/. Changes by hand are put right.\n';

/** One write after the other: each begins with what the one before has written. */
const queues = new Map<string, Promise<void>>();

/**
 * A file in the form of /etc/hosts that dnsmasq (addn-hosts), CoreDNS and the like read. It is Steward's as a whole: one
 * that does not begin with its header is somebody else's, and never written; all that is in ours is ours. What the
 * server was last told of is noted in a file beside it, so that a death between the two is seen.
 */
export function hostsFile({ file, pidFile }: HostsFile, { mark }: Pick<DnsOptions, 'mark'>): DnsServer {
  return {
    look: async (names) => {
      const text = await readText(file);
      const lines = linesOf(text);
      const isTold = pidFile === null || (await readGuarded(toldFile(file)).catch(() => '')) === digest(text);
      return Object.fromEntries(names.map((name) => [name, seen(name, lines, mark, isTold)]));
    },
    put: ({ name, address }) =>
      change(file, pidFile, (lines) => [...lines.filter((line) => line.name !== name), { name, address }]),
    remove: ({ name, address }) =>
      change(file, pidFile, (lines) =>
        lines.filter((line) => line.name !== name || line.address !== address),
      ),
  };
}

function seen(name: string, lines: readonly DnsRecord[], mark: string, isTold: boolean): SeenName {
  const own = lines.filter((line) => line.name === name);
  if (own.length === 0) return { addresses: [], mark: null };
  return { addresses: own.map(({ address }) => address).sort(), mark, ...(isTold ? {} : { untold: true }) };
}

function toldFile(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.told`);
}

async function readText(file: string): Promise<string> {
  await requirePlace(file);
  const text = await readGuarded(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause instanceof DnsError) throw cause;
    if (cause.code === 'ENOENT') return header;
    throw new DnsError(`${file} cannot be read (${cause.code})`, { cause });
  });
  if (text !== '' && !text.startsWith(header.slice(0, 20)))
    throw new DnsError(
      `${file} was not written by Steward, so it is left alone; name another file in lab.yaml (dns.file), or remove this one`,
    );
  return text;
}

function linesOf(text: string): DnsRecord[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    return names.map((name) => ({ name, address }));
  });
}

function change(
  file: string,
  pidFile: string | null,
  make: (lines: DnsRecord[]) => DnsRecord[],
): Promise<void> {
  const before = queues.get(file) ?? Promise.resolve();
  const own = before.then(async () => {
    const before = await readText(file);
    const lines = linesOf(before);
    const text = textOf(make(lines));
    const isSame = text === textOf(lines);
    if (!isSame) await write(file, text);
    if (pidFile === null) return;
    await tell(pidFile);
    await write(toldFile(file), digest(isSame ? before : text));
  });
  queues.set(
    file,
    own.catch(() => {}),
  );
  return own;
}

function textOf(lines: readonly DnsRecord[]): string {
  const sorted = [...lines].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return header + sorted.map(({ name, address }) => `${address} ${name}\n`).join('');
}

/** A server may read it at any time, and as somebody else. */
async function write(file: string, text: string): Promise<void> {
  await replaceFile(file, text, 0o644).catch((cause: NodeJS.ErrnoException) => {
    throw new DnsError(`${file} could not be written (${cause.code})`, { cause });
  });
}

/** SIGHUP: dnsmasq reads its hosts files again. A server that does not run reads them when it starts. */
async function tell(pidFile: string): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 1) return;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => null);
  // The number may have gone to another process since: SIGHUP ends most of them.
  if (name === null || !/^(dnsmasq|coredns|unbound|pihole-FTL|hickory-dns)$/.test(name.trim())) return;
  try {
    process.kill(pid, 'SIGHUP');
  } catch (cause) {
    throw new DnsError(
      `process ${pid} of ${pidFile} could not be told (${(cause as NodeJS.ErrnoException).code})`,
      {
        cause,
      },
    );
  }
}
