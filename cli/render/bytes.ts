const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `0 B`, `812 B`, `1.2 GiB`, `40 GiB`: powers of 1024. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  let value = count;
  let unit = '';
  for (unit of units) {
    value /= 1024;
    if (value < 1023.5) break;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
