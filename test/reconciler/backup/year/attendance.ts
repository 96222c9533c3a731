import { newest } from './record.ts';
import type { Service } from './services.ts';

/** When a daemon looked after which backups, and when none did: because of the test, not because of what it found. */

/** By the server's clock, which may come to the same time twice. */
interface Span {
  fromMs: number;
  toMs: number;
}

export interface Attendance {
  /** Nobody looks after these any more: why. */
  leave(those: readonly Service[], why: string): void;
  come(those: readonly Service[]): void;
  /** Why nobody looked while this tick was the newest. Null: somebody did, or it is not known. */
  absence(service: Service, index: number): string | null;
}

export function openAttendance(now: () => number): Attendance {
  const attended = new Map<Service, Span[]>();
  const gaps = new Map<Service, (Span & { why: string })[]>();
  const open = () => ({ fromMs: now(), toMs: Number.POSITIVE_INFINITY });
  const close = (last: Span | undefined) => {
    if (last === undefined || last.toMs < Number.POSITIVE_INFINITY) return false;
    last.toMs = now();
    return true;
  };
  return {
    leave(those, why) {
      for (const service of those)
        if (close(attended.get(service)?.at(-1)))
          gaps.set(service, [...(gaps.get(service) ?? []), { why, ...open() }]);
    },
    come(those) {
      for (const service of those) {
        const spans = attended.get(service) ?? [];
        if (spans.at(-1)?.toMs === Number.POSITIVE_INFINITY) continue;
        close(gaps.get(service)?.at(-1));
        attended.set(service, [...spans, open()]);
      }
    },
    absence(service, index) {
      const { ticks, maxJitterMs } = service;
      const fromMs = (ticks[index] as number) + maxJitterMs;
      const toMs = (ticks[index + 1] ?? Number.POSITIVE_INFINITY) + maxJitterMs;
      if (attended.get(service)?.some((span) => span.fromMs < toMs && span.toMs > fromMs)) return null;
      return gaps.get(service)?.find((gap) => gap.fromMs <= fromMs && gap.toMs >= fromMs)?.why ?? null;
    },
  };
}

/** Positions of the ticks whose time has come since the service was first seen. */
export function* owed(
  { ticks, maxJitterMs }: Service,
  firstSeenMs: number,
  nowMs: number,
): Generator<number> {
  for (let index = newest(ticks, firstSeenMs) + 1; index <= newest(ticks, nowMs - maxJitterMs); index += 1)
    yield index;
}
