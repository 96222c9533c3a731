import ipaddr from 'ipaddr.js';

/** IPv4 subnets out of one pool: Docker's own default pools are used up after about 30 networks. */

export interface SubnetPool {
  cidr: string;
  prefix: number;
}

export interface SubnetRequest {
  network: string;
  /** Fixed by Git; null to allocate. */
  subnet: string | null;
}

/**
 * A subnet for each request: the fixed one, else the one kept from before, else the lowest free one of the pool.
 * `taken` are subnets that exist on the host, whoever made them. A network that found no room has no entry.
 * Order of the requests does not matter: equal sets give equal results.
 */
export function allocateSubnets(
  pool: SubnetPool,
  requests: SubnetRequest[],
  kept: ReadonlyMap<string, string>,
  taken: readonly string[],
): Map<string, string> {
  const result = new Map<string, string>();
  const blocks = new Set<number>();
  const range = poolRange(pool);
  for (const cidr of [...taken, ...kept.values()]) occupy(blocks, range, cidr);
  for (const { network, subnet } of requests) {
    const known = subnet ?? kept.get(network);
    if (known === undefined) continue;
    result.set(network, known);
    occupy(blocks, range, known);
  }
  fill(result, blocks, range, requests);
  return result;
}

interface Range {
  start: number;
  /** Addresses in one subnet. */
  size: number;
  /** Subnets in the pool. */
  count: number;
  prefix: number;
}

function fill(
  result: Map<string, string>,
  blocks: Set<number>,
  range: Range,
  requests: SubnetRequest[],
): void {
  let next = 0;
  const names = requests.map((request) => request.network).filter((network) => !result.has(network));
  for (const network of names.sort()) {
    while (blocks.has(next)) next += 1;
    if (next >= range.count) return;
    result.set(network, `${toText(range.start + next * range.size)}/${range.prefix}`);
    next += 1;
  }
}

/** Marks every block of the pool that overlaps `cidr`; a cidr elsewhere, or IPv6, marks none. */
function occupy(blocks: Set<number>, range: Range, cidr: string): void {
  const parsed = parse(cidr);
  if (parsed === null) return;
  const first = Math.floor((parsed.start - range.start) / range.size);
  const last = Math.floor((parsed.start + parsed.size - 1 - range.start) / range.size);
  for (let block = Math.max(first, 0); block <= Math.min(last, range.count - 1); block += 1)
    blocks.add(block);
}

function poolRange(pool: SubnetPool): Range {
  const parsed = parse(pool.cidr);
  if (parsed === null) throw new Error(`networks.pool ${pool.cidr} is not IPv4`);
  const size = 2 ** (32 - pool.prefix);
  return { start: parsed.start, size, count: Math.floor(parsed.size / size), prefix: pool.prefix };
}

function parse(cidr: string): { start: number; size: number } | null {
  if (!ipaddr.IPv4.isValidCIDR(cidr)) return null;
  const [address, bits] = ipaddr.IPv4.parseCIDR(cidr);
  const size = 2 ** (32 - bits);
  const value = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  return { start: value - (value % size), size };
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
