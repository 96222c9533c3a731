import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Step } from '../../reconciler/types.ts';
import { aService, hostWith, run, up } from '../support/simulated.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  file = join(folder, 'host.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const stacks = { git: [aService({ name: 'app' })] };
const open = () => hostWith(stacks, { file });
const create = (name: string): Step => ({
  op: 'zfs-create',
  dataset: `datapool/${name}`,
  properties: {},
  mountpoint: `/datapool/${name}`,
});
const everything = async (host: ReturnType<typeof open>) => [
  await host.observer.observe({ paths: ['/datapool/a'] }),
  host.data(),
  host.containerCounts(),
];

describe('a simulated host in a file', () => {
  it('is the same for the next process', async () => {
    const host = open();
    await run(host, create('a'), up('git'));
    host.writeData('/datapool/a/file');
    host.drift({ drift: 'killContainer', name: 'git-app-1' });
    expect(await everything(open())).toEqual(await everything(host));
  });

  it('is shared by two processes that are open at the same time', async () => {
    const [one, two] = [open(), open()];
    await run(one, create('a'));
    await run(two, create('a/b'));
    one.drift({ drift: 'unmountDataset', dataset: 'datapool/a' });
    expect(await everything(two)).toEqual(await everything(one));
    await run(one, { op: 'zfs-mount', dataset: 'datapool/a', mountpoint: '/datapool/a' }, up('git'));
    expect(await everything(two)).toEqual(await everything(one));
  });

  it('keeps the half of a step that was done when the process died', async () => {
    const host = open();
    host.faults = { steps: [{ when: { op: 'compose-up' }, how: 'die', after: 'half' }] };
    await expect(run(host, up('git'))).rejects.toThrow('died');
    const found = await open().observer.observeContainers();
    expect(found.known && found.value.map(({ state }) => state)).toEqual(['created']);
  });

  it('forgets exactly the step whose line was torn by kill -9, and goes on', async () => {
    const host = open();
    await run(host, create('a'));
    const before = await everything(host);
    await run(host, create('b'));
    truncateSync(file, statSync(file).size - 5);
    const next = open();
    expect(await everything(next)).toEqual(before);
    await run(next, create('b'));
    expect(await everything(open())).toEqual(await everything(next));
  });

  it('appends what changed and never the whole host', async () => {
    const host = open();
    const costs: number[] = [];
    for (let number = 10; number < 60; number += 1) {
      const before = statSync(file).size;
      await run(host, create(`d${number}`));
      costs.push(statSync(file).size - before);
    }
    expect(Math.max(...costs) - Math.min(...costs)).toBeLessThan(50);
  });

  it('is written anew when the log has grown far beyond the host', async () => {
    const host = open();
    const toggle = ['off', 'on'].map((value): Step => {
      return { op: 'zfs-set', dataset: 'datapool', property: 'atime', value };
    });
    for (let round = 0; round < 800; round += 1) await run(host, ...toggle);
    const lines = () => readFileSync(file, 'utf8').split('\n').length;
    expect(lines()).toBeGreaterThan(1_500);
    const next = open();
    expect(lines()).toBeLessThan(30);
    expect(await everything(next)).toEqual(await everything(host));
  });

  it.each(['not json\n', '{"version": 3}\n'])('is refused when the file is something else: %j', (text) => {
    writeFileSync(file, text);
    expect(open).toThrow(`${file} is not the state of a simulated host`);
  });

  it('is refused when a line in the middle is damaged', () => {
    open();
    appendFileSync(file, 'damage\n[]\n');
    expect(open).toThrow('is not the state of a simulated host');
  });
});
