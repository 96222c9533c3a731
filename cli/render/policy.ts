import type { LoweredRule } from '../../desired-state/lab-parts.ts';
import type { PolicyException, PolicyFinding } from '../../desired-state/types.ts';
import { placeOf } from './reason.ts';
import { type Look, paint, plural, safe, wrap } from './text.ts';

interface Policy {
  findings: readonly PolicyFinding[];
  exceptions: readonly PolicyException[];
}

/** `policy: 4 warnings in 2 services: root-user 3, floating-tag 1`. What holds a service back stands with that. */
export function policyLines({ findings }: Policy, look: Look): string[] {
  const warnings = findings.filter(({ severity }) => severity === 'warning');
  if (warnings.length === 0) return [];
  const services = new Set(warnings.map(({ service }) => service)).size;
  const text = `policy: ${plural(warnings.length, 'warning')} in ${plural(services, 'service')} (steward validate shows them): ${byRule(warnings)}`;
  return broken(text, look).map((line) => paint(look, 'dim', line));
}

function byRule(findings: PolicyFinding[]): string {
  const counts = [...Map.groupBy(findings, ({ rule }) => rule)].map(
    ([rule, list]) => [rule, list.length] as const,
  );
  return counts
    .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
    .map(([rule, count]) => `${rule} ${count}`)
    .join(', ');
}

/** Rules that the lab has switched off or made lighter: what they would say of services is told by nobody then. */
export function loweredLines({ lowered = [] }: { lowered?: readonly LoweredRule[] }, look: Look): string[] {
  return lowered.flatMap(({ rule, severity, origin }) => {
    const what = severity === 'off' ? 'off' : 'only warned of';
    return broken(`${what} for the whole lab: ${rule}  ${placeOf(origin)}`, look);
  });
}

/** One line for each exception of a service.yaml, however much it waives. */
export function exceptionLines({ exceptions }: Pick<Policy, 'exceptions'>, look: Look): string[] {
  const groups = Map.groupBy(exceptions, ({ origin }) => placeOf(origin));
  return [...groups].flatMap(([place, list]) => broken(sentence(list, place), look));
}

function sentence(list: PolicyException[], place: string): string {
  const [first] = list;
  if (first === undefined) return '';
  const { rule, service } = first.finding;
  const times = list.length === 1 ? '' : ` ${list.length} times`;
  return `allowed: ${service} breaks ${rule}${times}: ${first.reason}  ${place}`;
}

function broken(text: string, { width }: Look): string[] {
  return width === null ? [safe(text)] : wrap(safe(text), width);
}
