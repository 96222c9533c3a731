/** What `zfs get -Hp -d 1 -t filesystem,snapshot` prints, in the form of ZFS 2.3. */

export interface Snapshot {
  tag: string;
  /** `value` and source of a property, such as `['steward:snapshot', '42', 'local']`. */
  marks?: [string, string, string][];
  holds?: number;
  clones?: string;
  txg?: number;
  created?: number;
}

export function datasetText(
  name: string,
  guid: string,
  snapshots: Snapshot[],
  mountpoint = `/${name}`,
): string {
  const own = rows(name, [
    ['type', 'filesystem'],
    ['guid', guid],
    ['mounted', 'yes'],
    ['mountpoint', mountpoint],
    ['creation', '1790000000'],
    ['createtxg', '7'],
    ['used', '98304'],
    ['referenced', '98304'],
    ['userrefs', '-'],
    ['clones', '-'],
    ['steward:snapshot', '-'],
    ['steward:run', '-'],
  ]);
  return own + snapshots.map((snapshot) => snapshotText(name, snapshot)).join('');
}

function snapshotText(dataset: string, { tag, marks = [], holds = 0, clones = '', ...at }: Snapshot): string {
  const unset = ['steward:snapshot', 'steward:run'].filter((name) => marks.every(([mark]) => mark !== name));
  const plain: [string, string][] = [
    ['type', 'snapshot'],
    ['guid', `9${tag.length}`],
    ['mounted', '-'],
    ['mountpoint', '-'],
    ['creation', String(at.created ?? 1790000100)],
    ['createtxg', String(at.txg ?? 100)],
    ['used', '1024'],
    ['referenced', '98304'],
    ['userrefs', String(holds)],
    ['clones', clones],
    ...unset.map((name): [string, string] => [name, '-']),
  ];
  const marked = marks.map(([name, value, source]) => `${dataset}@${tag}\t${name}\t${value}\t${source}\n`);
  return rows(`${dataset}@${tag}`, plain) + marked.join('');
}

function rows(name: string, values: [string, string][]): string {
  return values.map(([property, value]) => `${name}\t${property}\t${value}\t-\n`).join('');
}
