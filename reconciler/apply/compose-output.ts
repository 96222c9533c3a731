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

/**
 * `container photo-db-1 exited (2)`, where that is why compose gave up waiting for it; null where it failed of
 * something else. Source: docker/compose, pkg/compose/start.go and convergence.go.
 */
export function failedDependency(message: string): string | null {
  const waited = /dependency failed to start: (container \S+ (?:is unhealthy|exited \(\d+\)))/.exec(message);
  const oneShot = /service "[^"]+" didn't complete successfully: exit \d+/.exec(message);
  return waited?.[1] ?? oneShot?.[0] ?? null;
}
