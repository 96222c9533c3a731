/** Numbers for people. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, as Borg prints them: `3.42 GB`. */
export function bytes(value: number): string {
  let rest = Math.max(0, value);
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}

/** `20,512` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
