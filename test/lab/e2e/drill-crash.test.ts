import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { history, leftBehind, pair, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';

const dying = 'DUE=1 MIDDLE_MS=2000 node /opt/steward/dist/app/dying.js';
const everyMinute = '  drill: { schedule: "* * * * *" }\n';
let lab: Homelab;

beforeAll(async () => {
  lab = await startBackupLab(pair, everyMinute);
  expect((await lab.steward('backup run pair')).exitCode).toBe(0);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const nextMinute = () => lab.run('sleep $((62 - $(date +%s) % 60))');
const sql = (query: string) => lab.run(`sqlite3 -readonly /var/lib/steward/state.db "${query}"`);

/** A drill that was cut off is cleared away, and made up for. */
async function expectProven(): Promise<void> {
  await lab.converge();
  expect(await lab.run('zfs list -H -o name')).not.toContain('steward-drill');
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  expect(await sql("select result from proofs where kind = 'drill'")).toBe('good');
}

test('a check and a drill by hand say what they found, and have a line in the history', async () => {
  for (const what of ['check', 'drill']) {
    const { exitCode, stderr } = await lab.steward(`backup ${what} pair`);
    expect(stderr).toMatch(/^✓ pair {2}(checked|restored for proof, and as it was archived,) in /m);
    expect(exitCode).toBe(0);
  }
  const kinds = (await history(lab, 'pair')).map(({ what, result }) => `${result} ${what}`);
  expect(kinds).toEqual(expect.arrayContaining(['done full', 'done drill']));
});

describe('a restore drill that is killed', () => {
  test.each([
    ['after', 'scratch-create'],
    ['middle', 'borg-extract-scratch'],
    ['before', 'scratch-destroy'],
  ])('%s %s leaves no scratch dataset, and comes again', async (where, op) => {
    await nextMinute();
    const said = await lab.run(`${dying} pair ${op} ${where} die; echo $?`);
    expect(said).toMatch(/reached\n(.*\n)?137/);
    expect(await lab.run('zfs list -H -o name')).toContain('datapool/services/steward-drill-pair');
    await expectProven();
  });

  test('by a power cut leaves none either', async () => {
    await nextMinute();
    await lab.run(
      `${dying} pair borg-compare before hang > /tmp/dying.log 2>&1 & pid=$!; until grep -q reached /tmp/dying.log; do kill -0 $pid || exit 1; sleep 0.1; done`,
    );
    await lab.vm.powerCut();
    await lab.run('systemctl is-system-running --wait; docker info > /dev/null');
    await expectProven();
  });
});
