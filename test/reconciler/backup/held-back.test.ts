import { describe, expect, it } from 'vitest';
import type { ArchiveFacts } from '../../../reconciler/apply/types.ts';
import { heldBack } from '../../../reconciler/backup/held-back.ts';
import type { Step } from '../../../reconciler/types.ts';
import { repositoryRef as repository } from '../../support/build.ts';

const clean = { archive: 'photo-2026-11-23T02:30:00Z', minFiles: 90, minBytes: 4_000 };
const prune: Step = { op: 'borg-delete', repository, archives: ['old'], onlyAfter: clean };

function archive(over: Partial<ArchiveFacts> = {}): ArchiveFacts {
  const sizes = { originalBytes: 5_000, compressedBytes: 1, deduplicatedBytes: 1 };
  return {
    name: clean.archive,
    id: 'a1',
    files: 100,
    filesRead: 1,
    ...sizes,
    durationMs: 1,
    startMs: null,
    warnings: [],
    ...over,
  };
}

it.each([
  ['no archive was made', undefined, 'photo-2026-11-23T02:30:00Z was not made'],
  ['another one was', archive({ name: 'other' }), 'photo-2026-11-23T02:30:00Z was not made'],
  [
    'it has warnings',
    archive({ warnings: ['x: gone'] }),
    'Borg warned about photo-2026-11-23T02:30:00Z: x: gone',
  ],
  ['files are missing', archive({ files: 89 }), 'has 89 files, fewer than the 90'],
  ['bytes are missing', archive({ originalBytes: 3_999 }), 'has 3999 bytes, fewer than the 4000'],
])('nothing is pruned when %s', (_what, made, why) => {
  const held = heldBack(prune, made === undefined ? {} : { archive: made });
  expect(held).toMatch(/^nothing was pruned: /);
  expect(held).toContain(why);
});

it('nothing is pruned when the archive lacks what its snapshot has, whatever Borg says', () => {
  const manifest = { archive: clean.archive, entries: 101, bytes: 5_000, listing: 'x', sample: [] };
  const failed = `${clean.archive} holds 100 files and folders, its snapshot 101`;
  expect(heldBack(prune, { archive: archive(), manifest, failed })).toBe(`nothing was pruned: ${failed}`);
  expect(heldBack(prune, { archive: archive(), manifest })).toBeNull();
  expect(
    heldBack(prune, { archive: archive(), manifest: { ...manifest, archive: 'other' }, failed }),
  ).toBeNull();
});

it('a whole archive of about the same size lets the old ones go, and their space', () => {
  expect(heldBack(prune, { archive: archive() })).toBeNull();
  expect(heldBack({ op: 'borg-compact', repository }, { archive: archive() })).toBeNull();
});

it('no space is to be freed where nothing was pruned', () => {
  expect(heldBack({ op: 'borg-compact', repository }, { heldBack: 'nothing was pruned' })).not.toBeNull();
});

describe('a manifest', () => {
  const manifest: Step = {
    op: 'borg-manifest',
    repository,
    archive: clean.archive,
    at: 'photo',
    mounts: [],
    excludes: [],
  };

  it('is taken of the archive that was just made from the snapshot', () => {
    expect(heldBack(manifest, { archive: archive() })).toBeNull();
  });

  it('is not taken where no archive was made', () => {
    expect(heldBack(manifest, {})).toMatch(/ was not made, so there is nothing to take a manifest of$/);
  });

  it('is not taken of an archive that an earlier attempt has made: from a snapshot that is gone', () => {
    expect(heldBack(manifest, { archive: archive({ filesRead: null }) })).toBe(
      'no manifest was taken: an earlier attempt made photo-2026-11-23T02:30:00Z, from a snapshot that is gone; the next archive gets one',
    );
  });
});
