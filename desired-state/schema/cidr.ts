import ipaddr from 'ipaddr.js';
import { text } from './words.ts';

export interface Cidr {
  /** First address as a number. */
  start: number;
  prefix: number;
}

/** An IPv4 network in CIDR form; undefined where it is none. Host bits may be set: see `networkAddress`. */
export function parseCidr(value: string): Cidr | undefined {
  if (!/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(value) || !ipaddr.IPv4.isValidCIDR(value)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(value);
  const start = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  return { start, prefix };
}

/** The same network with its host bits cleared, e.g. 10.88.0.0/16 for 10.88.3.0/16. */
export function networkAddress(value: string): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(value).toString()}/${value.split('/')[1]}`;
}

/** How many networks of `prefix` a pool holds; 0 where they do not fit. */
export function poolCapacity(pool: Cidr, prefix: number): number {
  return prefix < pool.prefix ? 0 : 2 ** (prefix - pool.prefix);
}

export function overlap(a: Cidr, b: Cidr): boolean {
  const end = (cidr: Cidr) => cidr.start + 2 ** (32 - cidr.prefix);
  return a.start < end(b) && b.start < end(a);
}

/** RFC 1918 only: 100.64.0.0/10 belongs to Tailscale and to providers. */
function isPrivate(value: string): boolean {
  const cidr = parseCidr(value);
  const privates = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(parseCidr);
  return (
    cidr !== undefined &&
    privates.some((range) => range && range.prefix <= cidr.prefix && overlap(range, cidr))
  );
}

export const privateNetwork = (description: string) =>
  text({
    expected: 'a private IPv4 network such as 10.88.0.0/16',
    example: '10.88.0.0/16',
    test: (value) => isPrivate(value) && networkAddress(value) === value,
    description,
  });
