import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

/** Knows one dataset, in the file `dataset`; notes every call that would change something. */
const zfsScript = `
for last; do :; done
case "$1" in
get) cat "$STATE/dataset" 2>/dev/null || { echo "cannot open '$last': dataset does not exist" >&2; exit 1; } ;;
create) echo "$*" >> "$LOG"; printf 'type\\tfilesystem\\t-\\nguid\\t42\\t-\\nmounted\\tyes\\t-\\nmountpoint\\t%s\\tdefault\\n' "$(cat "$STATE/mountpoint")" > "$STATE/dataset" ;;
*) echo "$*" >> "$LOG" ;;
esac`;

type Rows = Record<string, [value: string, source: string]>;

function lab(rows: Rows | null, pools = 'datapool') {
  const zfs = fakeTool(zfsScript);
  const zpool = fakeTool(`printf '${pools}\\n'`);
  const mountpoint = path.join(mkdtempSync(path.join(tmpdir(), 'apply-zfs-')), 'photo');
  writeFileSync(path.join(zfs.folder, 'mountpoint'), mountpoint);
  const all = { type: ['filesystem', '-'], guid: ['42', '-'], mountpoint: [mountpoint, 'default'], ...rows };
  const text = Object.entries(all).map(([name, [value, source]]) => `${name}\t${value}\t${source}\n`);
  if (rows !== null) writeFileSync(path.join(zfs.folder, 'dataset'), text.join(''));
  const executor = hostExecutor({ commands: { zfs: zfs.command, zpool: zpool.command } });
  return { run: (step: Step) => executor.execute(step, {}), calls: zfs.calls, mountpoint };
}

const dataset = 'datapool/services/photo';
const mounted: Rows = { mounted: ['yes', '-'] };
const unmounted: Rows = { mounted: ['no', '-'] };

function create(mountpoint: string, properties: Record<string, string> = {}): Step {
  return { op: 'zfs-create', dataset, properties, mountpoint };
}

it('creates a dataset with its properties, then stamps it with its own guid', async () => {
  const { run, calls, mountpoint } = lab(null);
  await run(create(mountpoint, { recordsize: '16384', quota: '500' }));
  expect(calls()).toEqual([
    `create -o recordsize=16384 -o quota=500 ${dataset}`,
    `set steward:guid=42 ${dataset}`,
  ]);
});

it('only completes what a dataset that exists lacks', async () => {
  const { run, calls, mountpoint } = lab({
    ...unmounted,
    recordsize: ['16384', 'local'],
    casesensitivity: ['insensitive', '-'],
    atime: ['off', 'inherited from datapool'],
    'steward:guid': ['7', 'inherited from datapool/services'],
  });
  await run(create(mountpoint, { recordsize: '16384', casesensitivity: 'insensitive', atime: 'off' }));
  expect(calls()).toEqual([`set atime=off ${dataset}`, `set steward:guid=42 ${dataset}`, `mount ${dataset}`]);
});

it('does nothing to a dataset that is complete', async () => {
  const { run, calls, mountpoint } = lab({ ...mounted, 'steward:guid': ['42', 'local'] });
  await run(create(mountpoint));
  expect(calls()).toEqual([]);
});

it('does not mount a dataset that shall not mount itself', async () => {
  const { run, calls, mountpoint } = lab({
    ...unmounted,
    canmount: ['off', 'local'],
    'steward:guid': ['42', 'local'],
  });
  await run(create(mountpoint, { canmount: 'off' }));
  expect(calls()).toEqual([]);
});

it.each<[string, Rows | null, (mountpoint: string) => Step]>([
  ['created', null, (mountpoint) => create(mountpoint)],
  ['mounted', unmounted, (mountpoint) => ({ op: 'zfs-mount', dataset, mountpoint })],
])('no dataset is %s over files on the disk below', async (_verb, rows, step) => {
  const { run, calls, mountpoint } = lab(rows);
  mkdirSync(mountpoint);
  writeFileSync(path.join(mountpoint, 'IMG_1.jpg'), '');
  await expect(run(step(mountpoint))).rejects.toThrow(
    `${mountpoint} is not empty (IMG_1.jpg), so ${dataset} was not mounted over it; move that away first`,
  );
  expect(calls()).toEqual([]);
});

it('does not move a dataset over files either', async () => {
  const { run, calls, mountpoint } = lab(mounted);
  const target = path.dirname(mountpoint);
  writeFileSync(path.join(target, 'file'), '');
  const step: Step = { op: 'zfs-set', dataset, property: 'mountpoint', value: target };
  await expect(run(step)).rejects.toThrow('is not empty (file)');
  expect(calls()).toEqual([]);
});

it('mounts over an empty directory, and leaves alone what is mounted', async () => {
  const first = lab(unmounted);
  mkdirSync(first.mountpoint);
  await first.run({ op: 'zfs-mount', dataset, mountpoint: first.mountpoint });
  expect(first.calls()).toEqual([`mount ${dataset}`]);
  const second = lab(mounted);
  await second.run({ op: 'zfs-mount', dataset, mountpoint: second.mountpoint });
  expect(second.calls()).toEqual([]);
});

it('refuses to mount elsewhere than planned', async () => {
  const { run, calls, mountpoint } = lab({ ...unmounted, mountpoint: ['/elsewhere', 'local'] });
  const step: Step = { op: 'zfs-mount', dataset, mountpoint };
  await expect(run(step)).rejects.toThrow(`has the mountpoint /elsewhere, not ${mountpoint}`);
  expect(calls()).toEqual([]);
});

it('touches nothing while the pool is not imported', async () => {
  const { run, calls, mountpoint } = lab(null, 'backup');
  await expect(run(create(mountpoint))).rejects.toThrow('the pool datapool is not imported');
  expect(calls()).toEqual([]);
});

it('takes no volume for a file system', async () => {
  const { run, mountpoint } = lab({ type: ['volume', '-'] });
  await expect(run(create(mountpoint))).rejects.toThrow(`${dataset} is a volume, not a file system`);
});

it('sets and inherits a property', async () => {
  const { run, calls } = lab(mounted);
  await run({ op: 'zfs-set', dataset, property: 'compression', value: 'zstd' });
  await run({ op: 'zfs-inherit', dataset, property: 'quota' });
  expect(calls()).toEqual([`set compression=zstd ${dataset}`, `inherit quota ${dataset}`]);
});

it('hands on what zfs says, as one sentence', async () => {
  const zfs = fakeTool(
    `printf "cannot set property for 'a': 'quota' must be a number\\nusage: …\\n" >&2; exit 1`,
  );
  const executor = hostExecutor({ commands: { zfs: zfs.command } });
  const step: Step = { op: 'zfs-set', dataset: 'a', property: 'quota', value: 'x' };
  await expect(executor.execute(step, {})).rejects.toMatchObject({
    name: 'StepError',
    message: "zfs set failed: cannot set property for 'a': 'quota' must be a number",
  });
});

it('gives up on a tool that hangs', async () => {
  const zfs = fakeTool('exec sleep 60');
  const executor = hostExecutor({ commands: { zfs: zfs.command }, toolTimeoutMs: 100 });
  const step: Step = { op: 'zfs-inherit', dataset: 'a', property: 'quota' };
  await expect(executor.execute(step, {})).rejects.toThrow(/did not answer within 0\.1 s/);
});
