import { borg } from '../../test/lab/e2e/support/backup-lab.ts';
import type { Homelab } from '../../test/lab/e2e/support/homelab.ts';
import { median, ms, type Row, series } from '../report.ts';
import { filesIn } from './not-emulated.ts';
import { byHandLocation, large, lastRun, makeByHandRepositories, timed } from './server.ts';

/** The backup of a night on which nothing has changed: what Borg reads again where the path is a new one each time. */
export async function unchanged(lab: Homelab): Promise<Row> {
  const data = `/datapool/services/${large}/data`;
  await lab.run(filesIn(data));
  await makeByHandRepositories(lab, [large]);
  const byHand = (tag: string) => timed(lab, borg(createByHand(tag)));
  await lab.run(`zfs snapshot datapool/services/${large}@first`);
  const handFirst = await byHand('first');
  const ownFirst = await timed(lab, `steward backup run ${large}`);
  const [own, archive, hand]: [number[], number[], number[]] = [[], [], []];
  for (const tag of ['second', 'third']) {
    // Night after night, as the schedule has it.
    await lab.run("date -s '+1 day'");
    await lab.run(`zfs snapshot datapool/services/${large}@${tag}`);
    hand.push(await byHand(tag));
    await lab.run(`zfs destroy datapool/services/${large}@${tag}`);
    own.push(await timed(lab, `${backupWithTimes} > /tmp/steps`));
    archive.push(archiveMs(await lab.run('cat /tmp/steps')));
  }
  await lab.run(`zfs destroy datapool/services/${large}@first`);
  const { files, filesRead } = await lastRun(lab, large);
  // Of two by hand of one day the older one stays for a day: the next night prunes it.
  await lab.run(`steward backup run ${large} && date -s '+25 hours'`);
  const pruning = await timed(lab, `steward backup run ${large}`);
  const ratio = median(hand) / median(archive);
  return {
    what: 'second, unchanged backup of 20,000 files / 1 GB, against the same `borg create` from .zfs/snapshot/<new name>',
    target: '4 times faster',
    result: `${ratio.toFixed(1)} times faster`,
    met: ratio >= 4,
    raw: [
      series('borg create from .zfs/snapshot', hand),
      series('the step of Steward that makes the archive, mounts and all', archive),
      `${series('steward backup run, all of it: plan, stop, snapshot, start, archive', own)}: ${(median(hand) / median(own)).toFixed(1)} times faster than borg create alone`,
      `the first one: by hand ${ms(handFirst)}, steward ${ms(ownFirst)}; ${filesRead} of ${files} files were read the last time`,
      `steward once more, which prunes an archive and frees its space: ${ms(pruning)}`,
    ],
  };
}

/** Each line with the second in which it came: one says that a step begins. */
const backupWithTimes = `bash -c 'set -o pipefail; steward backup run ${large} --output json | while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done'`;

/** From where the archive is begun to where the next step is. */
function archiveMs(lines: string): number {
  const steps = lines
    .split('\n')
    .filter((line) => line.includes('"event":"step"'))
    .map((line) => {
      const [seconds = '', json = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' '))];
      return { atMs: Number(seconds) * 1000, step: (JSON.parse(json) as { step: string }).step };
    });
  const from = steps.find(({ step }) => step === 'borg-create');
  const to = steps.find(({ atMs, step }) => from !== undefined && atMs > from.atMs && step !== 'borg-create');
  if (from === undefined || to === undefined) throw new Error(`no archive was made:\n${lines}`);
  return to.atMs - from.atMs;
}

function createByHand(tag: string): string {
  return `create --compression lz4 ${byHandLocation(large)}::${tag} /datapool/services/${large}/.zfs/snapshot/${tag}`;
}
