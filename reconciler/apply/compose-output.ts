import { stripVTControlCharacters } from 'node:util';

/** ` Container photo-db-1  Starting`, ` db Pulling`, `time="…" level=warning …`: progress and advice. */
const progress =
  /^(time=".*" level=(warning|info|debug)|(Container|Network|Volume|Image|Service) \S+\s+\w+$|\S+ (Pulling|Pulled|Building|Built|Interrupted|Skipped.*)$)/;

/** How compose, its builder and the daemon begin the line that says what went wrong. */
const fault =
  /^(Error|error|failed|dependency failed|no such|unable|cannot|service ".*|.*: (error|invalid|required)|validating )/;

/** Out of what compose printed, the sentence that names the fault; empty when it printed nothing. */
export function lastFault(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !progress.test(line));
  return lines.findLast((line) => fault.test(line)) ?? lines.at(-1) ?? '';
}
