import { expect, it } from 'vitest';
import { renderArchives } from '../../cli/render/archives.ts';

const tickMs = Date.parse('2026-11-28T02:30:00Z');
const madeMs = Date.parse('2026-11-28T17:14:33Z');
const look = { color: false, unicode: true, width: 120, now: madeMs + 6_000 };
const archive = { id: 'a', clean: true, files: 1, originalBytes: 1_000_000, byHand: null };

function lines(atMs: number): string[] {
  const own = [{ ...archive, name: 'photo-2026-11-28T02:30:00Z', atMs }];
  const known = { service: 'photo', own, foreign: [], listedMs: madeMs, proven: null, earlier: [] };
  return renderArchives(known, '/backup/photo', look).split('\n');
}

it('an archive that was made late is as old as its data, and says when that is from', () => {
  expect(lines(madeMs)[0]).toMatch(/02:30:00Z {2}6 s ago .* data of 2026-11-28T17:14:33Z$/);
});

it('one that was made in time says nothing of it', () => {
  expect(lines(tickMs + 90_000)[0]).toMatch(/02:30:00Z {2}14 h ago .* 1\.00 MB$/);
});
