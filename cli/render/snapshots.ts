import type { Whose } from '../../reconciler/snapshots/by-hand.ts';
import { bytes } from './bytes.ts';
import { joinLines, type Look, pad, paint, plural, type Style, safe, truncate, widest } from './text.ts';
import { relative } from './time.ts';

/** One tag of one service; figures are sums over its datasets. */
export interface SnapshotRow {
  service: string;
  tag: string;
  createdMs: number;
  usedBytes: number;
  referencedBytes: number;
  whose: Whose;
  /** How many of the service's datasets have it, and how many there are. */
  datasets: { tagged: number; all: number };
}

const words: Record<Whose, string> = {
  'by-hand': 'by hand',
  backup: 'a running backup',
  restore: 'before a restore',
  other: 'not by Steward',
};
const styles: Record<Whose, Style> = { 'by-hand': 'green', backup: 'cyan', restore: 'green', other: 'dim' };

const heads = ['service', 'tag', 'created', '', 'used', 'referenced'];

/** A table, services in the order given. */
export function renderSnapshots(rows: SnapshotRow[], look: Look & { now: number }): string {
  if (rows.length === 0) return joinLines(['No snapshots. Take one: steward snapshot create NAME TAG']);
  const cells = rows.map((row) => [
    safe(row.service),
    truncate(safe(row.tag), look.width === null ? null : 40),
    relative(row.createdMs, look.now),
    utc(row.createdMs),
    bytes(row.usedBytes),
    bytes(row.referencedBytes),
  ]);
  const widths = heads.map((head, column) => widest([head, ...cells.map((line) => line[column] ?? '')]));
  const line = (texts: string[]) => texts.map((text, column) => pad(text, widths[column] ?? 0)).join('  ');
  const body = rows.map(
    (row, index) => `${line(cells[index] ?? [])}  ${paint(look, styles[row.whose], owner(row))}`,
  );
  const head = paint(look, 'bold', `${line(heads)}  taken`);
  return joinLines([head, ...body, '', plural(rows.length, 'snapshot')]);
}

function owner({ whose, datasets }: SnapshotRow): string {
  const part = datasets.tagged === datasets.all ? '' : `, ${datasets.tagged} of ${datasets.all} datasets`;
  return `${words[whose]}${part}`;
}

/** `2026-11-23 09:12:01 UTC` */
export function utc(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
