import type { ScheduleRecord } from '../backup/changed-schedule.ts';
import { guarded, type Store } from './store.ts';

/** By service: the schedule whose ticks are owed, as it was last seen declared. */
export function readSchedules(store: Store): Map<string, ScheduleRecord> {
  const rows = store.db.prepare('SELECT * FROM schedules').all() as unknown as Row[];
  return new Map(
    rows.map(({ service, schedule, jitter_seconds: jitterSeconds, since_ms: sinceMs }) => [
      service,
      { schedule: JSON.parse(schedule) as ScheduleRecord['schedule'], jitterSeconds, sinceMs },
    ]),
  );
}

export function writeSchedule(
  store: Store,
  service: string,
  { schedule, jitterSeconds, sinceMs }: ScheduleRecord,
): void {
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?)')
      .run(service, JSON.stringify(schedule), jitterSeconds, sinceMs),
  );
}

interface Row {
  service: string;
  /** JSON; null: by hand only. */
  schedule: string;
  jitter_seconds: number;
  since_ms: number;
}
