const powers = { '': 0, K: 1, M: 2, G: 3, T: 4, P: 5, E: 6 } as const;

/** Bytes of `500G`, `16K`, `1.5T`, `4096`, with ZFS's powers of two; undefined where it is no size. */
export function sizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE]?)(?:i?B)?$/i.exec(text.trim());
  if (!match) return undefined;
  const power = powers[(match[2] ?? '').toUpperCase() as keyof typeof powers];
  const bytes = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of `180s`, `5m`, `1h30m`; undefined where it is no duration. */
export function durationSeconds(text: string): number | undefined {
  if (!/^(\d+[smhd])+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(count) * seconds[unit as keyof typeof seconds];
  }
  return total;
}

/** Four octal digits of `700`, `0700`, `2770`. */
export function fullMode(mode: string): string {
  return mode.padStart(4, '0');
}
