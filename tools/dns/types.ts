/** A server that knows names of the local network, and how it is told of them. Passwords and keys by file only. */
export type DnsProvider =
  | {
      provider: 'rfc2136';
      server: string;
      port: number;
      /** Without the dot at its end. */
      zone: string;
      /** As `tsig-keygen` writes it; null: the server lets this address update. */
      keyFile: string | null;
      /** Seconds. */
      ttl: number;
    }
  | {
      provider: 'hosts-file';
      file: string;
      /** Of the server that reads it again at SIGHUP; null: it sees by itself, or somebody tells it. */
      pidFile: string | null;
    }
  | { provider: 'adguard'; url: string; username: string; passwordFile: string }
  | { provider: 'pihole'; url: string; passwordFile: string };

/** What a server says of one name. */
export interface SeenName {
  /** Addresses of both families, sorted; empty where it knows none. */
  addresses: string[];
  /** Who made the record, by the mark beside it; null where there is none. */
  mark: string | null;
  /** Another name that it stands for, in the place of addresses. */
  alias?: string;
  /** It is written, and the server may not know of it yet. */
  untold?: true;
}

/** One address of one name; a colon in it makes it an AAAA record. */
export interface DnsRecord {
  name: string;
  address: string;
}

/** Throws DnsError, whose message is a sentence, and nothing else. */
export interface DnsServer {
  look(names: readonly string[]): Promise<Record<string, SeenName>>;
  /** The name has this address in the place of `replaces`; what else it has is left alone. */
  put(record: DnsRecord, replaces: string | null): Promise<void>;
  /** One that is not there is done. */
  remove(record: DnsRecord): Promise<void>;
}

export interface DnsOptions {
  /** The mark of this lab, for servers that can keep one. */
  mark: string;
  /** For one call. Default 10 s. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Default `nsupdate`. */
  commands?: { nsupdate?: string | undefined } | undefined;
}

export class DnsError extends Error {
  override readonly name = 'DnsError';
}

export function typeOf(address: string): 'A' | 'AAAA' {
  return address.includes(':') ? 'AAAA' : 'A';
}

/** Whether it says by a mark beside a record whose that is, and lets nobody else remove it. */
export function keepsMarks({ provider }: DnsProvider): boolean {
  return provider === 'rfc2136';
}

/** Where a server is, for sentences: `BIND at 192.168.1.53`. */
export function placeOf(provider: DnsProvider): string {
  if (provider.provider === 'rfc2136') return `the DNS server ${provider.server} (zone ${provider.zone})`;
  return provider.provider === 'hosts-file' ? provider.file : provider.url;
}
