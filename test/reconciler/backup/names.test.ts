import fc from 'fast-check';
import { expect, it } from 'vitest';
import { archiveName, parseArchiveName, snapshotName } from '../../../reconciler/backup/names.ts';

const atMs = Date.parse('2026-11-23T02:30:00Z');

it('are readable, in UTC, to the second', () => {
  expect(archiveName('photo', atMs + 999)).toBe('photo-2026-11-23T02:30:00Z');
  expect(snapshotName('datapool/services/photo', atMs)).toBe(
    'datapool/services/photo@steward-2026-11-23T02:30:00Z',
  );
});

it('of a service are read back, whatever its name and time', () => {
  const services = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  const property = fc.property(services, seconds, (service, at) => {
    expect(parseArchiveName(service, archiveName(service, at * 1000))).toBe(at * 1000);
  });
  fc.assert(property);
});

it.each([
  ['another service', 'album-2026-11-23T02:30:00Z'],
  ['a service whose name begins alike', 'photo-old-2026-11-23T02:30:00Z'],
  ['a service whose name is longer', 'photos-2026-11-23T02:30:00Z'],
  ['a checkpoint', 'photo-2026-11-23T02:30:00Z.checkpoint'],
  ['a date alone', 'photo-2026-11-23'],
  ['a date that does not exist', 'photo-2026-02-30T02:30:00Z'],
  ['parts of a second', 'photo-2026-11-23T02:30:00.000Z'],
  ['another zone', 'photo-2026-11-23T02:30:00+01:00'],
  ['a person', 'photo-before-the-move'],
  ['nothing', 'photo-'],
])('of %s are not ours', (_name, archive) => {
  expect(parseArchiveName('photo', archive)).toBeNull();
});
