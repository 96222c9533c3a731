import { pino } from 'pino';

export type Log = ReturnType<typeof logger>;

/**
 * JSON lines on standard error, for journald. The level comes from STEWARD_LOG_LEVEL (default info). A line that finds
 * no room is lost, and the next one is tried all the same: pino's own destination ends the process there, and then
 * tries for ever to write what is left. What becomes of the error: see `outliveReaders`.
 */
export function logger() {
  const level = process.env.STEWARD_LOG_LEVEL ?? 'info';
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, process.stderr);
}
