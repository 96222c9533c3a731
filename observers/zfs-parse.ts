import type { ObservedDataset, PropertySource } from './types.ts';

/** Tab-separated output of `zfs get -Hp` and `zpool list -Hp`, as documented in zfs-get(8) and zpool-list(8). */

/** Figures that change by themselves: nobody can wish for them, and they would make every observation differ. */
const statistics = new Set([
  'available',
  'compressratio',
  'createtxg',
  'logicalreferenced',
  'logicalused',
  'objsetid',
  'refcompressratio',
  'referenced',
  'snapshot_count',
  'filesystem_count',
  'snapshots_changed',
  'unique',
  'used',
  'usedbychildren',
  'usedbydataset',
  'usedbyrefreservation',
  'usedbysnapshots',
  'written',
]);

/**
 * Names of the pools whose datasets can be read and written. One that is imported but FAULTED, UNAVAIL or SUSPENDED
 * is left out: whatever is missing in it is not absent. Throws on anything that is no pool list.
 */
export function parsePools(output: string): string[] {
  return linesOf(output, 'no pools available').flatMap((line) => {
    const [name, health, ...rest] = line.split('\t');
    if (!name || !health || rest.length > 0) throw nonsense('zpool list', line);
    return health === 'ONLINE' || health === 'DEGRADED' ? [name] : [];
  });
}

/** Names of the pools with no byte left for their datasets: the reserve that ZFS keeps for itself is no room. */
export function parseFullPools(output: string): string[] {
  const rows = linesOf(output, 'no datasets available').map(parseRow);
  return rows.flatMap((row) => {
    const isFull = row?.property === 'available' && row.value === '0' && !row.dataset.includes('/');
    return isFull ? [row.dataset] : [];
  });
}

/** Datasets by name. Throws when a line or a dataset lacks what must be there. */
export function parseDatasets(output: string): Record<string, ObservedDataset> {
  const tables = new Map<string, ObservedDataset['properties']>();
  for (const line of linesOf(output, 'no datasets available')) {
    const row = parseRow(line);
    // A user property may hold line breaks: what follows the first one is no row.
    if (row === null && tables.size === 0) throw nonsense('zfs get', line);
    if (row === null) continue;
    const table = tables.get(row.dataset) ?? {};
    tables.set(row.dataset, table);
    table[row.property] = { value: row.value, source: row.source };
  }
  return Object.fromEntries([...tables].map(([name, table]) => [name, datasetOf(name, table)]));
}

function linesOf(output: string, saysEmpty: string): string[] {
  return output.split('\n').filter((line) => line !== '' && line !== saysEmpty);
}

export interface Row {
  dataset: string;
  property: string;
  value: string;
  source: PropertySource;
}

/** The value of a user property may hold tabs too: it is what stands between the second and the last one. */
export function parseRow(line: string): Row | null {
  const [dataset, property, ...rest] = line.split('\t');
  const printed = rest.pop();
  const source = printed === undefined ? null : parseSource(printed);
  if (!dataset || !property || source === null || rest.length === 0) return null;
  return { dataset, property, value: rest.join('\t'), source };
}

/** `-` is printed where there is no source, as for `mounted`; `inherited from tank/a` names one. */
function parseSource(text: string): PropertySource | null {
  if (text === '-' || text === 'none') return 'none';
  if (text.startsWith('inherited')) return 'inherited';
  return text === 'local' || text === 'default' || text === 'temporary' || text === 'received' ? text : null;
}

function datasetOf(name: string, table: ObservedDataset['properties']): ObservedDataset {
  const guid = table.guid?.value;
  const mounted = table.mounted?.value;
  const mountpoint = table.mountpoint?.value;
  if (guid === undefined || mounted === undefined || mountpoint === undefined) {
    throw new Error(`zfs get printed no guid, mounted or mountpoint for ${name}`);
  }
  const changed = Number(table.snapshots_changed?.value ?? Number.NaN);
  return {
    name,
    guid,
    mounted: mounted === 'yes',
    mountpoint,
    properties: Object.fromEntries(Object.entries(table).filter(([property]) => !statistics.has(property))),
    snapshotsChanged: Number.isFinite(changed) && changed > 0 ? changed : null,
  };
}

function nonsense(command: string, line: string): Error {
  return new Error(`${command} printed something unexpected: ${JSON.stringify(line.slice(0, 80))}`);
}
