import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { restore } from '../../cli/commands/restore.ts';
import * as confirm from '../../cli/confirm.ts';
import * as keptByRestores from '../../cli/restore/kept.ts';
import * as carriedOut from '../../reconciler/restore/run.ts';
import type { SafetySnapshots } from '../../reconciler/restore/safety.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { steward } from './steward.ts';

/** What happens while a person reads what an undo means. The simulated host has no snapshots to ask for: they are said here. */

vi.mock('../../cli/confirm.ts', { spy: true });
vi.mock('../../cli/restore/kept.ts', { spy: true });
vi.mock('../../reconciler/restore/run.ts', { spy: true });

const dataset = 'datapool/services/blog';
const keptAt = (time: string): SafetySnapshots => ({
  ...{ run: `restore-blog-${time}`, tag: `steward-before-restore-${time}` },
  snapshots: [`${dataset}@steward-before-restore-${time}`],
  createdMs: Date.parse(time),
});
const [old, newest, newer] = [
  keptAt('2026-08-30T09:00:00Z'),
  keptAt('2026-11-28T09:00:00Z'),
  keptAt('2026-11-28T10:00:00Z'),
];

const unused = { usedBytes: 0, referencedBytes: 0, holds: 0, clones: [] };

/** Newest first. */
function say(snapshots: SafetySnapshots[]): void {
  const oldestFirst = snapshots.toReversed().map(({ snapshots: [name = ''], createdMs }, at) => ({
    ...{ name, guid: name, createdMs, createdTxg: String(at), marks: {}, ...unused },
  }));
  const found = [
    { name: dataset, guid: 'd', mounted: true, mountpoint: `/${dataset}`, snapshots: oldestFirst },
  ];
  vi.mocked(keptByRestores.keptBy).mockResolvedValue({ found, snapshots });
}

function whileAsked(then: SafetySnapshots[]): void {
  vi.mocked(confirm.typed).mockImplementation(async () => {
    say(then);
    return true;
  });
}

let lab: Lab;
beforeAll(async () => {
  lab = await newLab();
  const backup = 'backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n';
  await lab.commit('Back up', { 'lab.yaml': `${labYaml}${backup}` });
  await steward(['reconcile', '--once', ...lab.flags]);
});
afterAll(() => lab.remove());

beforeEach(() => {
  say([newest, old]);
  vi.mocked(confirm.canAsk).mockReturnValue(true);
  vi.mocked(carriedOut.runRestore)
    .mockReset()
    .mockImplementation(async (change) => ({
      ...{ change, result: 'applied', error: null, durationMs: 1, downtimeMs: 1 },
    }));
});

const undo = () =>
  restore('blog', {
    ...{ repo: lab.remote, stateDir: lab.stateDir, host: 'simulator', output: 'json', undo: true },
  });

it('an undo goes back to what was agreed to', async () => {
  whileAsked([newest, old]);
  expect(await undo()).toBe(0);
  expect(vi.mocked(carriedOut.runRestore).mock.calls[0]?.[0].summary).toBe(`back to ${newest.tag}`);
});

it.each([
  ['another undo has gone back there', [old]],
  ['another restore has kept something newer', [newer, newest, old]],
  ['nothing is kept any more', []],
])('and to nothing else, where meanwhile %s', async (_what, then) => {
  whileAsked(then);
  await expect(undo()).rejects.toThrow(
    /^another restore or undo of blog has ended meanwhile; nothing was done. steward restore blog --undo says/,
  );
  expect(carriedOut.runRestore).not.toHaveBeenCalled();
});
