import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { standingAt } from '../../reconciler/apply/borg-extract.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { leftOutArgs } from '../../reconciler/apply/proof-argv.ts';
import type { Step } from '../../reconciler/types.ts';
import { callBorg } from '../../tools/borg/call.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { reference } from './backup-fixtures.ts';

/** Borg that says nothing for half an hour is taken for hanging. Real borg (1.2 or 1.4) on a server that is new to it. */

const archive = 'photo-2026-11-23T02:30:00Z';
let folder: string;
let repository: typeof reference;
const at = (name: string) => path.join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'borg-speaks-'));
  mkdirSync(at('data'));
  for (const name of ['a', 'b', 'c']) writeFileSync(at(`data/${name}`), name);
  repository = { ...reference, location: at('repository'), encryption: 'none' };
  const env = { ...process.env, BORG_BASE_DIR: at('old-server') };
  const borg = (...args: string[]) => execFileSync('borg', args, { env, cwd: at('data'), stdio: 'pipe' });
  borg('init', '-e', 'none', repository.location);
  borg('create', `${repository.location}::${archive}`, '.');
});

/** What it is told to be at. */
async function told(step: Step) {
  const zfs = fakeTool("printf '99999999\\n1.00\\n'").command;
  const executor = hostExecutor({ commands: { zfs }, stateDir: at('new-server') });
  const places: (string | null)[] = [];
  const facts = await executor.execute(step, { onProgress: (progress) => places.push(progress.at) });
  return { facts, places: places.join('\n') };
}

it('of the archives that it reads before it finds one', async () => {
  const { places } = await told({ op: 'borg-find', repository, archive, paths: [], dataset: 'pool/photo' });
  expect(places).toContain('Syncing chunks cache');
});

it('of the archives that it reads to measure the newest, whose size is told all the same', async () => {
  const { places, facts } = await told({ op: 'borg-list', repository });
  expect(places).toContain('Syncing chunks cache');
  expect(facts?.repository?.archives).toMatchObject([{ name: archive, size: { files: 3 } }]);
});

it('of each file that it looks at, also where it leaves out none', async () => {
  const args = leftOutArgs({
    repository,
    archive,
    excludes: ['*.tmp'],
    op: 'borg-manifest',
    at: 'photo',
    mounts: [],
  });
  const wrap = (argv: string[]) => standingAt(at('data'), argv);
  const { statuses } = await callBorg(args, repository, { stateDir: at('new-server'), wrap });
  expect(statuses).toEqual({ '-': 4 });
});
