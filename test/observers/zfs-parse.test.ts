import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDatasets, parseFullPools, parsePools } from '../../observers/zfs-parse.ts';

const fixture = readFileSync(path.join(import.meta.dirname, 'fixtures/zfs-get.txt'), 'utf8');

it('a pool is full when its datasets have nothing left, and not where one of them has a quota', () => {
  const without = (name: string) =>
    fixture.replace(`${name}\tavailable\t9663676416`, `${name}\tavailable\t0`);
  expect(parseFullPools(fixture)).toEqual([]);
  expect(parseFullPools(without('datapool'))).toEqual(['datapool']);
  expect(parseFullPools(without('datapool/services/photo'))).toEqual([]);
  expect(parseFullPools('no datasets available\n')).toEqual([]);
});

describe('datasets', () => {
  const datasets = parseDatasets(fixture);

  it('are found by name', () => {
    expect(Object.keys(datasets)).toEqual([
      'datapool',
      'datapool/services',
      'datapool/services/photo',
      'datapool/services/wiki',
    ]);
  });

  it('carry guid, mount and mountpoint as ZFS prints them', () => {
    expect(datasets['datapool/services/wiki']).toMatchObject({
      guid: '771',
      mounted: false,
      mountpoint: '/datapool/services/wiki',
    });
    expect(datasets['datapool/services/photo']?.mounted).toBe(true);
  });

  it.each([
    ['datapool/services', 'steward:guid', '9386475110385123', 'local'],
    ['datapool/services/photo', 'steward:guid', '9386475110385123', 'inherited'],
    ['datapool/services/photo', 'compression', 'zstd', 'inherited'],
    ['datapool', 'recordsize', '131072', 'default'],
    ['datapool', 'casesensitivity', 'sensitive', 'none'],
    ['datapool/services/photo', 'org.example:note', 'two\twords', 'local'],
  ])('%s has %s=%s from %s', (dataset, property, value, source) => {
    expect(datasets[dataset]?.properties[property]).toEqual({ value, source });
  });

  it('tell when their snapshots changed, or that it is not known', () => {
    expect(datasets['datapool/services/photo']?.snapshotsChanged).toBe(1795312345);
    expect(datasets['datapool/services']?.snapshotsChanged).toBeNull();
  });

  it('do not carry figures that change by themselves', () => {
    expect(datasets.datapool?.properties).not.toHaveProperty('used');
    expect(datasets.datapool?.properties).not.toHaveProperty('available');
  });

  it('may be none', () => {
    expect(parseDatasets('')).toEqual({});
    expect(parseDatasets('no datasets available\n')).toEqual({});
  });

  it('keep what stands around a user property that holds a line break', () => {
    const broken = fixture.replace('two\twords\tlocal', 'two\nlines\tlocal');
    expect(Object.keys(parseDatasets(broken))).toHaveLength(4);
  });

  it.each([
    ['prose', 'Segmentation fault\n'],
    ['columns by spaces', 'datapool  guid  1  -\n'],
    ['a dataset without guid', 'tank\tmounted\tyes\t-\ntank\tmountpoint\t/tank\tdefault\n'],
    ['an unknown source', 'tank\tguid\t1\tguessed\n'],
  ])('are refused when ZFS prints %s', (_what, output) => {
    expect(() => parseDatasets(output)).toThrow(/zfs get printed/);
  });
});

describe('pools', () => {
  it('are those that can be read and written', () => {
    const output = 'datapool\tONLINE\nbackup\tDEGRADED\nold\tFAULTED\nusb\tSUSPENDED\ngone\tUNAVAIL\n';
    expect(parsePools(output)).toEqual(['datapool', 'backup']);
  });

  it('may be none', () => {
    expect(parsePools('')).toEqual([]);
    expect(parsePools('no pools available\n')).toEqual([]);
  });

  it('are refused when zpool prints something else', () => {
    expect(() => parsePools('internal error\n')).toThrow(
      'zpool list printed something unexpected: "internal error"',
    );
  });
});
