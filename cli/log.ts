import { pino } from 'pino';

export type Log = ReturnType<typeof logger>;

/** JSON lines on standard error, for journald. The level comes from STEWARD_LOG_LEVEL (default info). */
export function logger() {
  const level = process.env.STEWARD_LOG_LEVEL ?? 'info';
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
