/**
 * Holds `keptBy` against the real thing: `retention-contract.ts [HISTORIES] [SEED] [ARCHIVES]`. One repository with
 * some archives of random times is enough for any number of histories: the name of an archive has one letter a
 * history, which says whether it belongs to it, and prune is told to look at those only. Exit 1 with every difference.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Retention } from '../../desired-state/backup-parts.ts';
import { type DatedArchive, keptBy } from '../../reconciler/backup/retention.ts';
import { run } from '../../tools/run.ts';

const zones = ['UTC', 'Europe/Rome', 'America/New_York'];
const rules = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
/** Borg's `--glob-archives` and the length of file names bear this many letters. */
const mostHistories = 200;

/** The number of histories over which Borg and Steward keep the same, and a sentence for each where they do not. */
export async function compareWithBorg(
  histories: number,
  random: () => number,
  archiveCount = 150,
): Promise<{ agreed: number; differences: string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'retention-'));
  const borg = borgIn(folder);
  try {
    await borg(['init', '--encryption', 'none', 'repo'], 'UTC');
    const archives = randomArchives(archiveCount, histories, random);
    for (const { name, atMs } of archives) {
      const timestamp = new Date(atMs).toISOString().slice(0, 19);
      await borg(['create', '--timestamp', timestamp, `repo::${name}`, 'repo/config'], 'UTC');
    }
    const differences: string[] = [];
    for (let index = 0; index < histories; index += 1) {
      const difference = await compareOne(borg, archives, index, random);
      if (difference !== null) differences.push(difference);
    }
    return { agreed: histories - differences.length, differences };
  } finally {
    await rm(folder, { recursive: true });
  }
}

type Borg = (args: string[], timezone: string) => Promise<string>;

/** In the repository `folder/repo`; gives what it wrote to standard error. Borg's periods are those of TZ. */
function borgIn(folder: string): Borg {
  const env = { BORG_BASE_DIR: path.join(folder, 'base'), BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' };
  return async (args, TZ) => {
    const options = { cwd: folder, timeoutMs: 60_000, env: { ...env, TZ, LC_ALL: 'C.UTF-8' } };
    const { exitCode, stderr } = await run('borg', args, options);
    if (exitCode !== 0) throw new Error(`borg ${args.join(' ')} exited ${exitCode}: ${stderr}`);
    return stderr;
  };
}

async function compareOne(
  borg: Borg,
  archives: DatedArchive[],
  index: number,
  random: () => number,
): Promise<string | null> {
  const zone = zones[index % zones.length] as string;
  const retention = randomRetention(random);
  const wanted = rules.flatMap((rule) => [`--keep-${rule}`, String(retention[rule])]);
  const glob = `${'?'.repeat(index)}y*`;
  const flags = ['prune', '--dry-run', '--list', '--glob-archives', glob, ...wanted];
  const output = await borg(['--log-json', ...flags, 'repo'], zone);
  const own = archives.filter(({ name }) => name[index] === 'y');
  const [ours, theirs] = [keptBy(retention, own, zone), keptInLog(output)];
  const all = own.map(({ name }) => name);
  const differing = all.filter((name) => (ours.get(name) ?? null) !== (theirs.get(name) ?? null));
  if (differing.length === 0 && theirs.size === ours.size) return null;
  const shown = differing.map((name) => `${name}: ${ours.get(name)}, borg: ${theirs.get(name)}`);
  return `history ${index} (${zone}, ${wanted.join(' ')}): ${shown.join('; ')}`;
}

/** `Keeping archive (rule: daily #1):   NAME   Fri, 2026-01-02 …`, as JSON lines. */
function keptInLog(log: string): Map<string, string> {
  const messages = log.split('\n').filter(Boolean).map(messageOf);
  return new Map(
    messages.flatMap((message) => {
      const [, rule, oldest, count, name] = /rule: (\w+)(\[oldest\])? #(\d+)\):\s+(\S+)/.exec(message) ?? [];
      if (rule === undefined || name === undefined) return [];
      return [[name, oldest === undefined ? `${rule} ${count}` : `${rule}, the oldest`] as const];
    }),
  );
}

function messageOf(line: string): string {
  return String((JSON.parse(line) as { message?: unknown }).message ?? '');
}

/** From bursts of minutes to gaps of months; with the nights in which summer time begins and ends. */
function randomArchives(count: number, histories: number, random: () => number): DatedArchive[] {
  const times = new Set<number>();
  for (const night of ['2025-10-26T00:10Z', '2026-03-29T00:10Z', '2026-03-08T06:10Z', '2025-11-02T05:10Z'])
    for (let part = 0; part < 6; part += 1) times.add(Date.parse(night) + part * 30 * 60_000);
  let atMs = Date.parse('2026-11-23T02:30Z');
  while (times.size < count) {
    times.add(Math.floor(atMs / 1000) * 1000);
    const spans = [20 * 60_000, 3_600_000, 86_400_000, 7 * 86_400_000, 40 * 86_400_000];
    atMs -= (0.2 + random()) * (spans[Math.floor(random() * spans.length)] as number);
  }
  return [...times].map((time) => ({ name: randomName(histories, random), atMs: time }));
}

/** Some histories are dense, some have few archives. The tail keeps names apart. */
function randomName(histories: number, random: () => number): string {
  const letters = Array.from({ length: histories }, (_, index) =>
    random() < 0.1 + (index % 9) / 10 ? 'y' : 'n',
  );
  return `${letters.join('')}${Math.floor(random() * 2 ** 48).toString(36)}`;
}

function randomRetention(random: () => number): Required<Retention> {
  const count = () => (random() < 0.3 ? 0 : Math.floor(random() ** 2 * 15));
  const drawn = { hourly: count(), daily: count(), weekly: count(), monthly: count(), yearly: count() };
  // Borg refuses to prune when nothing is wanted; Steward then keeps all.
  return rules.some((rule) => drawn[rule] > 0)
    ? (drawn as Required<Retention>)
    : ({ ...drawn, daily: 1 } as Required<Retention>);
}

/** mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const [histories = '100', seed = '1', archives = '150'] = process.argv.slice(2);
  const wanted = Math.min(Number(histories), mostHistories);
  const { agreed, differences } = await compareWithBorg(wanted, seeded(Number(seed)), Number(archives));
  for (const difference of differences) console.log(`not ok - ${difference}`);
  console.log(`${agreed} of ${wanted} random histories: Steward keeps what borg prune keeps`);
  process.exitCode = differences.length === 0 ? 0 : 1;
}
