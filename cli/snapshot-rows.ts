import type { SnapshottedDataset } from '../observers/snapshots-parse.ts';
import { type ServiceDatasets, tagOf, type Whose, whose } from '../reconciler/snapshots/by-hand.ts';
import type { SnapshotRow } from './render/snapshots.ts';

/** One row a tag and service, oldest first within a service. */
export function snapshotRows(services: ServiceDatasets[], found: SnapshottedDataset[]): SnapshotRow[] {
  const byName = new Map(found.map((dataset) => [dataset.name, dataset]));
  return services.flatMap(({ service, datasets }) => {
    const own = datasets.flatMap(({ name }) => byName.get(name) ?? []);
    const tags = Map.groupBy(own.flatMap(withOwner), ({ tag }) => tag);
    const rows = [...tags].map(([tag, parts]) => rowOf(service, tag, parts, own.length));
    return rows.sort((a, b) => a.createdMs - b.createdMs);
  });
}

type Part = ReturnType<typeof withOwner>[number];

function withOwner(dataset: SnapshottedDataset) {
  return dataset.snapshots.map((snapshot) => ({
    tag: tagOf(snapshot.name),
    snapshot,
    whose: whose(snapshot, dataset.guid),
  }));
}

function rowOf(service: string, tag: string, parts: Part[], all: number): SnapshotRow {
  const sum = (count: (part: Part) => number) => parts.reduce((total, part) => total + count(part), 0);
  return {
    service,
    tag,
    createdMs: Math.min(...parts.map(({ snapshot }) => snapshot.createdMs)),
    usedBytes: sum(({ snapshot }) => snapshot.usedBytes),
    referencedBytes: sum(({ snapshot }) => snapshot.referencedBytes),
    whose: together(parts),
    datasets: { tagged: parts.length, all },
  };
}

/** A tag that is only partly ours is not ours to destroy. */
function together(parts: Part[]): Whose {
  const owners = new Set(parts.map((part) => part.whose));
  return owners.size === 1 ? (parts[0]?.whose ?? 'other') : 'other';
}
