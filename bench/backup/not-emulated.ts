import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArgs } from '../../reconciler/apply/backup-argv.ts';
import { quote } from '../../tools/quote.ts';
import { runOk } from '../../tools/run.ts';
import { install, isProgram } from '../debian.ts';
import { median, type Row, series } from '../report.ts';

/**
 * What Borg itself makes of a path that is the same every time, on the processor of this machine. In the emulated
 * server Python is slowed down several times as much as the C code that reads, cuts and encrypts: what is saved
 * there is a smaller part of the whole. Mounts as ZFS would make them are bind mounts here.
 */
const rounds = 3;
const env = { BORG_PASSPHRASE: 'bench', TZ: 'UTC' };

export async function unchangedNotEmulated(): Promise<Row> {
  if (process.getuid?.() !== 0) throw new Error('a mount namespace needs root');
  if (!isProgram('borg')) await install('borgbackup');
  const home = mkdtempSync(join(tmpdir(), 'steward-bench-borg-'));
  try {
    return await measured(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function measured(home: string): Promise<Row> {
  const data = join(home, 'data');
  await runOk('sh', ['-c', filesIn(data)], { timeoutMs: 120_000 });
  const [hand, own]: [number[], number[]] = [[], []];
  for (const side of ['hand', 'own'])
    await call(home, side, ['init', '-e', 'repokey-blake2', join(home, side)]);
  for (let round = 0; round <= rounds; round += 1) {
    const archive = `round-${round}`;
    const snapshot = join(home, 'snapshot', archive);
    const byHand = ['create', '--compression', 'lz4', `${join(home, 'hand')}::${archive}`, snapshot];
    const handMs = await archived(home, 'hand', { data, place: snapshot, args: byHand });
    const location = join(home, 'own');
    const ownMs = await archived(home, 'own', {
      data,
      place: join(home, 'fixed'),
      args: ownArgs(location, archive),
    });
    // The first archive of both reads everything.
    if (round > 0) [hand.push(handMs), own.push(ownMs)];
  }
  const ratio = median(hand) / median(own);
  return {
    what: 'the same without the emulation, Borg alone: `borg create` of 20,000 unchanged files / 1 GB',
    target: '4 times faster',
    result: `${ratio.toFixed(1)} times faster`,
    met: ratio >= 4,
    raw: [
      series('from a path that is new each time, as .zfs/snapshot/<new name> is', hand),
      series('as Steward calls it, from the path that is always the same', own),
    ],
  };
}

/** 20,000 files of 50 kB: 1 GB that does not compress. */
export function filesIn(data: string): string {
  const one = `mkdir -p ${data}/$d; head -c 5000000 /dev/urandom | split -b 50000 -a 3 - ${data}/$d/f`;
  return `for d in $(seq 200); do ${one}; done`;
}

function ownArgs(location: string, archive: string): string[] {
  return createArgs({ repository: { location }, archive, compression: 'lz4', excludes: [], comment: '' });
}

/** How long borg takes, in ms, with `data` mounted at `place`. */
async function archived(
  home: string,
  side: string,
  { data, place, args }: { data: string; place: string; args: string[] },
): Promise<number> {
  mkdirSync(place, { recursive: true });
  const mount = `mount --bind ${quote(data)} ${quote(place)} && cd ${quote(place)}`;
  const script = `${mount} && exec ${['borg', ...args].map(quote).join(' ')}`;
  const start = performance.now();
  await runOk('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], options(home, side));
  return performance.now() - start;
}

async function call(home: string, side: string, args: string[]): Promise<void> {
  await runOk('borg', args, options(home, side));
}

function options(home: string, side: string) {
  return { env: { ...env, BORG_BASE_DIR: join(home, `base-${side}`) }, timeoutMs: 300_000 };
}
