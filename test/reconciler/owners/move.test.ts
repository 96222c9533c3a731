import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IdRange } from '../../../observers/types.ts';
import { movedId, planOwners, shiftsOf } from '../../../reconciler/owners/move.ts';
import type { NumbersHere, OwnerNumbers } from '../../../reconciler/owners/numbers.ts';

const remapped = (start: number, count = 65_536, over: Partial<OwnerNumbers> = {}): OwnerNumbers => ({
  userns: { uid: [{ start, count }], gid: [{ start, count }] },
  group: null,
  ...over,
});
const bare = (over: Partial<OwnerNumbers> = {}): OwnerNumbers => ({ userns: null, group: null, ...over });
const labdata = (gid: number) => ({ group: { name: 'labdata', gid } });
const here = (numbers: OwnerNumbers, over: Partial<NumbersHere> = {}): NumbersHere => ({
  ...numbers,
  groups: numbers.group === null ? {} : { [numbers.group.name]: numbers.group.gid },
  hostTops: [],
  ...over,
});

/** `uid:gid` after the move. */
function moved(there: OwnerNumbers, now: NumbersHere, uid: number, gid: number): string {
  const { owners } = planOwners(there, now);
  return owners === null ? `${uid}:${gid}` : `${movedId(uid, owners.uid)}:${movedId(gid, owners.gid)}`;
}

describe('the owners of an archive, on a server with other numbers', () => {
  it.each<[string, OwnerNumbers, OwnerNumbers, [number, number], string]>([
    [
      'are moved by what they are in the container',
      remapped(100_000),
      remapped(231_072),
      [100_999, 100_000],
      '232071:231072',
    ],
    ['up to the end of the range', remapped(100_000), remapped(231_072), [165_535, 165_535], '296607:296607'],
    ['and not beyond it', remapped(100_000), remapped(231_072), [165_536, 99_999], '165536:99999'],
    [
      'once, where the ranges overlap',
      remapped(100_000),
      remapped(110_000),
      [105_000, 115_000],
      '115000:125000',
    ],
    ['backwards too', remapped(110_000), remapped(100_000), [112_000, 175_535], '102000:165535'],
    ['stay where they are the host’s', remapped(100_000), remapped(231_072), [0, 1000], '0:1000'],
    ['become the host’s own without userns-remap', remapped(100_000), bare(), [100_999, 100_000], '999:0'],
    ['and from there a container’s', bare(), remapped(231_072), [999, 0], '232071:231072'],
    ['but not what no container has', bare(), remapped(231_072), [100_999, 70_000], '100999:70000'],
    [
      'of the shared group follow its name',
      remapped(100_000, 65_536, labdata(999)),
      remapped(231_072, 65_536, labdata(998)),
      [100_999, 999],
      '232071:998',
    ],
    [
      'of the shared group are no container’s, whatever its number',
      bare(labdata(999)),
      remapped(231_072, 65_536, labdata(999)),
      [999, 999],
      '232071:999',
    ],
    [
      'of the shared group follow it where nothing else moves',
      bare(labdata(999)),
      bare(labdata(998)),
      [999, 999],
      '999:998',
    ],
    [
      'of a shared group that is called otherwise now follow that',
      remapped(100_000, 65_536, labdata(999)),
      remapped(100_000, 65_536, { group: { name: 'media', gid: 990 } }),
      [0, 999],
      '0:990',
    ],
  ])('%s', (_name, there, now, [uid, gid], expected) => {
    expect(moved(there, here(now), uid, gid)).toBe(expected);
  });

  it('goes by the name of a group that is no shared one any more', () => {
    const now = here(remapped(100_000), { groups: { labdata: 990 } });
    expect(moved(remapped(100_000, 65_536, labdata(999)), now, 0, 999)).toBe('0:990');
  });

  it('have no number where the range here is too small', () => {
    expect(moved(remapped(100_000), here(remapped(231_072, 1_000)), 100_999, 101_000)).toBe('232071:null');
  });
});

describe('what is said', () => {
  it.each<[OwnerNumbers | null, NumbersHere, string | undefined]>([
    [remapped(100_000), here(remapped(231_072)), 'owners moved from base 100000 to 231072'],
    [bare(), here(remapped(231_072)), 'owners moved from no userns-remap to base 231072'],
    [remapped(100_000), here(bare()), 'owners moved from base 100000 to no userns-remap'],
    [
      remapped(100_000, 65_536, labdata(999)),
      here(remapped(100_000, 65_536, labdata(998))),
      'owners moved of group labdata from 999 to 998',
    ],
    [
      remapped(100_000, 65_536, labdata(999)),
      here(remapped(231_072)),
      'owners moved from base 100000 to 231072; there is no group labdata here, so that its number 999 stayed',
    ],
    [null, here(remapped(231_072)), expect.stringMatching(/^the archive does not say what the numbers/)],
    [remapped(100_000), here(remapped(100_000, 131_072)), undefined],
    [remapped(100_000, 65_536, labdata(999)), here(remapped(100_000, 65_536, labdata(999))), undefined],
    [bare(), here(bare()), undefined],
  ])('%#', (there, now, note) => {
    expect(planOwners(there, now).note).toEqual(note);
  });

  it('nothing moves where the numbers mean the same, or nobody knows what they meant', () => {
    expect(planOwners(remapped(100_000), here(remapped(100_000))).owners).toBeNull();
    expect(planOwners(null, here(remapped(231_072))).owners).toBeNull();
  });
});

/** In the order of the container's ids, and apart from each other, as the kernel wants them. */
const ranges = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 60 })), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((parts) => {
    let at = 0;
    const apart = parts.map(([gap, count]): IdRange => {
      const range = { start: at + gap, count };
      at += gap + count;
      return range;
    });
    return fc.shuffledSubarray(apart, { minLength: apart.length });
  });

/** By the letter of user_namespaces(7). */
function hostIds(all: IdRange[]): number[] {
  return all.flatMap(({ start, count }) => Array.from({ length: count }, (_none, index) => start + index));
}

describe('any two sets of ranges', () => {
  it('have every id of a container at its place, and every other where it was', () => {
    fc.assert(
      fc.property(ranges, ranges, (from, to) => {
        const shifts = shiftsOf(from, to);
        const [old, now] = [hostIds(from), hostIds(to)];
        expect(old.map((id) => movedId(id, shifts))).toEqual(old.map((_id, own) => now[own] ?? null));
        const others = Array.from({ length: 600 }, (_none, id) => id).filter((id) => !old.includes(id));
        expect(others.map((id) => movedId(id, shifts))).toEqual(others);
      }),
    );
  });

  it('are left again by the way that they were come to', () => {
    fc.assert(
      fc.property(ranges, ranges, (from, to) => {
        const [there, back] = [shiftsOf(from, to), shiftsOf(to, from)];
        const placed = hostIds(from).filter((id) => movedId(id, there) !== null);
        expect(placed.length).toBeGreaterThan(0);
        expect(placed.map((id) => movedId(movedId(id, there) ?? -1, back))).toEqual(placed);
      }),
    );
  });
});
