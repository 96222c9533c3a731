import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archiveComment, byHandIn, contentOf, numbersIn } from '../../../reconciler/owners/comment.ts';
import { numbersOf, type OwnerNumbers } from '../../../reconciler/owners/numbers.ts';
import * as build from '../../support/build.ts';

const datasets = ['datapool/services/photo', 'datapool/services/photo/db'];
const range = fc.record({ start: fc.nat(2 ** 31), count: fc.integer({ min: 1, max: 2 ** 31 - 1 }) });
const numbers: fc.Arbitrary<OwnerNumbers> = fc.record({
  userns: fc.option(
    fc.record({
      uid: fc.array(range, { minLength: 1, maxLength: 3 }),
      gid: fc.array(range, { minLength: 1, maxLength: 3 }),
    }),
  ),
  group: fc.option(fc.record({ name: fc.stringMatching(/^[a-z_][a-z0-9_-]{0,31}$/), gid: fc.nat(2 ** 31) })),
});

describe('the comment of an archive', () => {
  it('is a line that a person can read', () => {
    const own = [{ start: 100_000, count: 65_536 }];
    expect(
      archiveComment(
        datasets,
        { userns: { uid: own, gid: own }, group: { name: 'labdata', gid: 999 } },
        true,
      ),
    ).toBe(
      'steward: datapool/services/photo datapool/services/photo/db; userns uid=100000+65536 gid=100000+65536; group labdata=999; made by hand',
    );
    expect(archiveComment(['p'], { userns: null, group: null }, false)).toBe(
      'steward: p; userns none; made by schedule',
    );
  });

  it('says what it was told, whatever that is', () => {
    fc.assert(
      fc.property(numbers, fc.boolean(), (given, byHand) => {
        const comment = archiveComment(datasets, given, byHand);
        expect(byHandIn(comment)).toBe(byHand);
        expect(numbersIn(comment)).toEqual(given);
        expect(contentOf(comment)).toBe(`steward: ${datasets.join(' ')}`);
      }),
    );
  });

  it.each([
    '',
    'steward: datapool/services/photo',
    'by hand; userns none; made by hand',
    'steward: p; userns; made by somebody',
    'steward: p; userns',
    'steward: p; userns uid=100000 gid=100000',
    'steward: p; userns uid=1+0 gid=1+1',
    'steward: p; userns uid=1+4294967295 gid=1+1',
    'steward: p; userns uid=1+1',
  ])('that says nothing, or nothing that can be, is not guessed at: %s', (comment) => {
    expect(numbersIn(comment)).toBeNull();
    expect(byHandIn(comment)).toBeNull();
  });
});

describe('the numbers of this server', () => {
  const seen = (uid: number, gid: number, subUids: Record<string, [number, number][]> = {}, groups = {}) => {
    const state = build.observed({ groups });
    if (!state.docker.known || !state.system.known) throw new Error('known');
    const lists = Object.entries(subUids).map(([name, own]) => [
      name,
      own.map(([start, count]) => ({ start, count })),
    ]);
    return {
      ...state,
      docker: { known: true as const, value: { ...state.docker.value, usernsBase: { uid, gid } } },
      system: { known: true as const, value: { ...state.system.value, subUids: Object.fromEntries(lists) } },
    };
  };
  const uids = (state: ReturnType<typeof seen>) => numbersOf(state, null).userns?.uid;

  it('are as many as the file gives to who has this base', () => {
    const files = { ada: [[100_000, 65_536]], dockremap: [[165_536, 1_000]] } as Record<
      string,
      [number, number][]
    >;
    expect(uids(seen(165_536, 165_536, files))).toEqual([{ start: 165_536, count: 1_000 }]);
  });

  it('are in the order in which Docker takes them', () => {
    const files = {
      dockremap: [
        [500_000, 10],
        [100_000, 20],
      ],
    } as Record<string, [number, number][]>;
    expect(uids(seen(500_000, 1, files))?.map(({ start }) => start)).toEqual([500_000, 100_000]);
    expect(uids(seen(100_000, 1, files))?.map(({ start }) => start)).toEqual([100_000, 500_000]);
  });

  it('are as many as usual where the file knows nothing of this base', () => {
    expect(uids(seen(300_000, 300_000, { ada: [[100_000, 10]] }))).toEqual([
      { start: 300_000, count: 65_536 },
    ]);
  });

  it('are those of containers without userns-remap', () => {
    expect(numbersOf(seen(0, 0), null).userns).toBeNull();
  });

  it('have the shared group with its own', () => {
    expect(numbersOf(seen(0, 0, {}, { labdata: 990 }), 'labdata').group).toEqual({
      name: 'labdata',
      gid: 990,
    });
    expect(numbersOf(seen(0, 0), 'labdata').group).toBeNull();
  });

  it('are not known while Docker does not answer', () => {
    const state = { ...seen(0, 0), docker: { known: false as const, error: 'Docker is down' } };
    expect(() => numbersOf(state, null)).toThrow('Docker is down');
  });
});
