import type { ResourceId } from '../../desired-state/types.ts';

/** Names of archives and snapshots. The time in them is that of the tick, or when one by hand was asked for, in UTC, to the second; data may be from later. */

/** `photo-2026-11-23T02:30:00Z`; parts of a second are left out. */
export function archiveName(service: string, atMs: number): string {
  return `${service}-${instant(atMs)}`;
}

/** Milliseconds of an archive that Steward made for this service; null for every other name. */
export function parseArchiveName(service: string, name: string): number | null {
  if (!name.startsWith(`${service}-`)) return null;
  const atMs = Date.parse(name.slice(service.length + 1));
  // Written again and compared: dates that do not exist, other forms, and `photo-old-…` for `photo` fall out.
  return Number.isNaN(atMs) || archiveName(service, atMs) !== name ? null : atMs;
}

/** `datapool/services/photo@steward-2026-11-23T02:30:00Z` */
export function snapshotName(dataset: string, atMs: number): string {
  return `${dataset}@steward-${instant(atMs)}`;
}

/** `2026-11-23T02:30:00Z`, allowed in names of archives and snapshots alike. */
export function instant(atMs: number): string {
  return `${new Date(Math.floor(atMs / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

export function backupId(service: string): ResourceId {
  return `backup:${service}`;
}

/** Of all services that are backed up at one instant. */
export const togetherId: ResourceId = 'backup:together';
