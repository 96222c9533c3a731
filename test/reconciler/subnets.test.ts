import { describe, expect, it } from 'vitest';
import { allocateSubnets } from '../../reconciler/subnets.ts';

const pool = { cidr: '10.88.0.0/16', prefix: 26 };
const wish = (network: string, subnet: string | null = null) => ({ network, subnet });

describe('subnets out of the pool', () => {
  it('are handed out from the bottom, by name', () => {
    const result = allocateSubnets(pool, [wish('b'), wish('a')], new Map(), []);
    expect([...result]).toEqual([
      ['a', '10.88.0.0/26'],
      ['b', '10.88.0.64/26'],
    ]);
  });

  it('are kept once they were given, whatever comes before them by name', () => {
    const kept = new Map([['photo_net', '10.88.0.0/26']]);
    const result = allocateSubnets(pool, [wish('git_net'), wish('photo_net')], kept, []);
    expect(result.get('photo_net')).toBe('10.88.0.0/26');
    expect(result.get('git_net')).toBe('10.88.0.64/26');
  });

  it('of a network that went away stay reserved', () => {
    const result = allocateSubnets(pool, [wish('git_net')], new Map([['gone_net', '10.88.0.0/26']]), []);
    expect(result.get('git_net')).toBe('10.88.0.64/26');
  });

  it.each([
    ['the same size', '10.88.0.0/26', '10.88.0.64/26'],
    ['a smaller one inside', '10.88.0.32/28', '10.88.0.64/26'],
    ['a larger one', '10.88.0.0/24', '10.88.1.0/26'],
    ['one that contains the pool', '10.0.0.0/8', undefined],
    ['one elsewhere', '172.17.0.0/16', '10.88.0.0/26'],
    ['IPv6', 'fd00::/64', '10.88.0.0/26'],
    ['nonsense', 'banana', '10.88.0.0/26'],
  ])('do not overlap what the host has: %s', (_name, taken, expected) => {
    expect(allocateSubnets(pool, [wish('a')], new Map(), [taken]).get('a')).toBe(expected);
  });

  it('fixed by Git are given as they are, and nobody else gets them', () => {
    const result = allocateSubnets(pool, [wish('a'), wish('b', '10.88.0.0/26')], new Map(), []);
    expect(result.get('b')).toBe('10.88.0.0/26');
    expect(result.get('a')).toBe('10.88.0.64/26');
  });

  it('fit 1,024 networks into a /16 and leave the next one without', () => {
    const names = Array.from({ length: 1025 }, (_, index) => wish(`net${String(index).padStart(4, '0')}`));
    const result = allocateSubnets(pool, names, new Map(), []);
    expect(new Set(result.values()).size).toBe(1024);
    expect(result.has('net1024')).toBe(false);
  });
});
