import { describe, expect, it } from 'vitest';
import { messageOf, nearest } from '../../cli/errors.ts';
import { ListenError } from '../../metrics/server.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import { BorgError } from '../../tools/borg/types.ts';

describe('a name is suggested', () => {
  const known = ['git', 'photo', 'central_hub', 'backup:git'];
  it.each([
    ['phto', '; did you mean photo?'],
    ['central-hub', '; did you mean central_hub?'],
    ['backup:got', '; did you mean backup:git?'],
    ['cen', '; did you mean central_hub?'],
    ['nosuch', ''],
    ['foo', ''],
  ])('where it is near: %s', (name, expected) => {
    expect(nearest(name, known)).toBe(expected);
  });
});

describe('what the world did wrong', () => {
  it.each([
    new StepError('the pool is full'),
    new BorgError('there is no repository at /backup', { retryable: false }),
    new ListenError('127.0.0.1:9464 is taken by another program'),
  ])('is told in a sentence: %s', (error) => {
    expect(messageOf(error)).toBe(`steward: ${error.message}\n`);
  });
});

it('a mistake of our own is told as one, with its place', () => {
  expect(messageOf(new TypeError('x is not a function'))).toMatch(
    /^steward: this is a bug in Steward.*\n.*x is/,
  );
});
