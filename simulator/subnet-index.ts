import ipaddr from 'ipaddr.js';

interface Range {
  first: number;
  last: number;
}

export interface SubnetIndex {
  add(cidr: string): void;
  remove(cidr: string): void;
  overlaps(cidr: string): boolean;
}

/** IPv4 subnets that are taken, sorted, so that a clash is found by bisection. Throws on what is not IPv4 CIDR. */
export function subnetIndex(): SubnetIndex {
  const ranges: Range[] = [];
  return {
    add(cidr) {
      const range = rangeOf(cidr);
      ranges.splice(position(ranges, range.first), 0, range);
    },
    remove(cidr) {
      const { first, last } = rangeOf(cidr);
      const at = position(ranges, first);
      if (ranges[at]?.first === first && ranges[at]?.last === last) ranges.splice(at, 1);
    },
    overlaps(cidr) {
      const { first, last } = rangeOf(cidr);
      const at = position(ranges, first);
      return (ranges[at - 1]?.last ?? -1) >= first || (ranges[at]?.first ?? Number.POSITIVE_INFINITY) <= last;
    },
  };
}

function position(ranges: Range[], first: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.first ?? 0) < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rangeOf(cidr: string): Range {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  const size = 2 ** (32 - prefix);
  const number = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}
