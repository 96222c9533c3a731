import { describe, expect, it } from 'vitest';
import { newestFirst, passedOver } from '../../../reconciler/backup/newest.ts';

const nowMs = Date.parse('2026-11-28T14:00:00Z');
const named = (...names: string[]) => names.map((name) => ({ name }));
const order = (archives: { name: string }[], at = nowMs) =>
  newestFirst('photo', archives, at).map(({ archive }) => archive.name);

const [older, newer] = ['photo-2026-11-27T02:30:00Z', 'photo-2026-11-28T02:30:00Z'] as const;
const [ahead, farAhead] = ['photo-2030-01-01T00:00:00Z', 'photo-2036-01-01T00:00:00Z'] as const;

it('the newest archive comes first, whatever order they are known in', () => {
  expect(order(named(older, newer))).toEqual([newer, older]);
  expect(order(named(newer, older))).toEqual([newer, older]);
});

it('what a clock that was ahead has dated later than now comes behind the rest', () => {
  expect(order(named(farAhead, ahead, newer, older))).toEqual([newer, older, farAhead, ahead]);
});

it('where there is nothing else, the last of those comes first', () => {
  expect(order(named(ahead, farAhead))).toEqual([farAhead, ahead]);
});

it('an archive of this very instant is not later than now', () => {
  expect(order(named(older, newer), Date.parse('2026-11-28T02:30:00Z'))).toEqual([newer, older]);
});

it('archives that Steward has not made for the service are left out', () => {
  expect(order(named('photo-old-2026-11-28T02:30:00Z', 'by-hand', newer))).toEqual([newer]);
});

describe('what was passed over for an older one', () => {
  it('is named', () => {
    expect(passedOver('photo', named(farAhead, newer), nowMs)).toEqual({
      names: [farAhead],
      note: `${farAhead} is dated later than now, and is not taken for the newest`,
    });
    expect(passedOver('photo', named(ahead, farAhead, newer), nowMs)?.note).toBe(
      `${farAhead}, ${ahead} are dated later than now, and are not taken for the newest`,
    );
  });

  it.each([
    ['nothing is', named(older, newer)],
    ['all are', named(ahead, farAhead)],
    ['only another one’s are', named(newer, 'music-2036-01-01T00:00:00Z')],
  ])('is nothing where %s dated later than now', (_name, archives) => {
    expect(passedOver('photo', archives, nowMs)).toBeNull();
  });
});
