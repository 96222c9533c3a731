import type { PropertySource } from './types.ts';
import { parseRow } from './zfs-parse.ts';

/** Datasets and their snapshots out of `zfs get -Hp -o name,property,value,source`. */

export interface ObservedSnapshot {
  /** `datapool/services/photo@before-upgrade` */
  name: string;
  guid: string;
  createdMs: number;
  /** Equal for all snapshots of one call, and for no others. */
  createdTxg: string;
  usedBytes: number;
  referencedBytes: number;
  holds: number;
  /** Names of datasets that stand on it. */
  clones: string[];
  /** User properties that were asked for and are set in any way. */
  marks: Record<string, { value: string; source: PropertySource }>;
}

export interface SnapshottedDataset {
  name: string;
  guid: string;
  mounted: boolean;
  mountpoint: string;
  snapshots: ObservedSnapshot[];
}

/** What has to be asked for; without user properties. */
export const snapshotProperties = [
  ...['type', 'guid', 'mounted', 'mountpoint', 'creation', 'createtxg'],
  ...['used', 'referenced', 'userrefs', 'clones'],
];

type Table = Record<string, { value: string; source: PropertySource }>;

/** The datasets of that name, each with its snapshots, oldest first. Others in the output are left out. */
export function parseSnapshots(output: string, datasets: readonly string[]): SnapshottedDataset[] {
  const tables = tablesOf(output);
  return datasets.flatMap((name) => {
    const table = tables.get(name);
    if (table === undefined) return [];
    const own = [...tables].filter(([other]) => other.startsWith(`${name}@`));
    const snapshots = own.map(([snapshot, values]) => snapshotOf(snapshot, values));
    snapshots.sort((a, b) => Number(a.createdTxg) - Number(b.createdTxg));
    return [
      {
        name,
        guid: text(name, table, 'guid'),
        mounted: table.mounted?.value === 'yes',
        mountpoint: text(name, table, 'mountpoint'),
        snapshots,
      },
    ];
  });
}

function tablesOf(output: string): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const line of output.split('\n')) {
    const row = parseRow(line);
    // The value of a user property may hold line breaks: what follows the first one is no row.
    if (row === null) continue;
    const table = tables.get(row.dataset) ?? {};
    tables.set(row.dataset, table);
    table[row.property] = { value: row.value, source: row.source };
  }
  return tables;
}

function snapshotOf(name: string, table: Table): ObservedSnapshot {
  const clones = table.clones?.value ?? '';
  const isMark = ([property, { value, source }]: [string, Table[string]]) =>
    property.includes(':') && !(value === '-' && source === 'none');
  return {
    name,
    guid: text(name, table, 'guid'),
    createdMs: figure(name, table, 'creation') * 1000,
    createdTxg: text(name, table, 'createtxg'),
    usedBytes: figure(name, table, 'used'),
    referencedBytes: figure(name, table, 'referenced'),
    holds: figure(name, table, 'userrefs'),
    clones: clones === '' || clones === '-' ? [] : clones.split(','),
    marks: Object.fromEntries(Object.entries(table).filter(isMark)),
  };
}

function text(name: string, table: Table, property: string): string {
  const value = table[property]?.value;
  if (value === undefined || value === '-') throw new Error(`zfs get printed no ${property} for ${name}`);
  return value;
}

function figure(name: string, table: Table, property: string): number {
  const value = Number(text(name, table, property));
  if (Number.isFinite(value)) return value;
  throw new Error(`zfs get printed ${property}=${table[property]?.value} for ${name}`);
}
