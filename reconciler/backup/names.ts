/** How archives and snapshots of scheduled backups are called: the tick that they stand for is part of the name. */

/** `photo-2026-11-23T02:30:00Z` */
export function archiveName(service: string, atMs: number): string {
  return `${service}-${stamp(atMs)}`;
}

/** When an archive of this service was due, in milliseconds; null for a name that is not ours. */
export function parseArchiveName(service: string, name: string): number | null {
  if (!name.startsWith(`${service}-`)) return null;
  const text = name.slice(service.length + 1);
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) || stamp(atMs) !== text ? null : atMs;
}

/** `datapool/services/photo@steward-2026-11-23T02:30:00Z` */
export function snapshotName(dataset: string, atMs: number): string {
  return `${dataset}@steward-${stamp(atMs)}`;
}

/** UTC, to the second. */
export function stamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}
