import { afterEach, expect, it, vi } from 'vitest';
import { backupEvents } from '../../cli/render/backup-events.ts';
import type { Change, Outcome, Step } from '../../reconciler/types.ts';
import { repositoryRef as repository } from '../support/build.ts';

const archive = 'photo-2026-11-22T02:30:00Z';
const extracting: Step = { op: 'borg-extract-to', repository, archive, paths: [], folder: '/root/found' };

function ended(steps: Step[], over: Partial<Outcome> = {}): Outcome {
  const named = {
    verb: 'run',
    kind: 'backup',
    id: 'backup:photo/extract',
    name: 'photo',
    service: 'photo',
  } as const;
  const disruption = { level: 'none' as const, seconds: 0, containers: [] };
  const change: Change = { ...named, summary: '', reasons: [], needs: [], disruption, steps };
  return { change, result: 'applied', error: null, durationMs: 2_800, downtimeMs: 0, ...over };
}

function told(outcome: Outcome, output: 'text' | 'json'): string {
  const written: string[] = [];
  const write = (text: unknown) => written.push(String(text)) > 0;
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(write);
  backupEvents(output, process.stderr).event({ type: 'finished', outcome });
  return written.join('');
}

afterEach(() => vi.restoreAllMocks());

it('the end of an extraction names the archive and the folder', () => {
  expect(told(ended([extracting]), 'text')).toBe(`✓ photo  extracted ${archive} to /root/found in 2.8 s\n`);
  expect(JSON.parse(told(ended([extracting]), 'json'))).toMatchObject({ archive, folder: '/root/found' });
});
