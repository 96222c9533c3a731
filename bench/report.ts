import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { styleText } from 'node:util';

/** One line of the table of the issue. */
export interface Row {
  what: string;
  target: string;
  /** What came out, in the unit of the target. */
  result: string;
  met: boolean;
  /** Raw times, one line each. */
  raw: string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) throw new Error('a median of nothing');
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}

export function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 100 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}

/** `name  median 12.3 ms  (12.1, 12.3, 15.0)` */
export function series(name: string, values: readonly number[]): string {
  const all = values.map((value) => value.toFixed(value < 100 ? 1 : 0)).join(', ');
  return `${name}: median ${ms(median(values))} of ${values.length} (${all} ms)`;
}

export function machine(): string[] {
  const [first] = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ');
  return [
    `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, ${memory}, Linux ${release()}`,
    `Node ${process.versions.node}, load ${load}`,
  ];
}

export function printRow({ what, target, result, met, raw }: Row): void {
  const mark = met ? styleText('green', 'met   ') : styleText('red', 'MISSED');
  process.stdout.write(`${mark}  ${what}\n        ${result}, target ${target}\n`);
  for (const line of raw) process.stdout.write(styleText('dim', `        ${line}\n`));
}

export function printSummary(rows: Row[], skipped: string[]): void {
  const met = rows.filter((row) => row.met).length;
  for (const reason of skipped) process.stdout.write(`skipped  ${reason}\n`);
  process.stdout.write(`\n${met} of ${rows.length} targets met, ${skipped.length} parts skipped\n`);
}
