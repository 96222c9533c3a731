import type { ServiceModel } from '../model.ts';
import { sortProblems, warningAt } from '../problems.ts';
import type { Severities } from '../schema/policy.ts';
import type { RuleId } from '../schema/rule-ids.ts';
import type { PolicyException, PolicyFinding, Problem } from '../types.ts';
import { mayBreak } from './found-networks.ts';
import { rules } from './rules/index.ts';
import type { Allowed, RuleBroken } from './types.ts';

export interface Judged {
  findings: PolicyFinding[];
  exceptions: PolicyException[];
  /** Findings only where another service has it already: only the server knows. */
  ifLate: PolicyFinding[];
  /** Warnings to be told everywhere: data without a backup, exceptions that nothing needs. */
  problems: Problem[];
}

/** Puts what breaks rules, what the lab makes of them, and what service.yaml waives, together. Pure. */
export function judge(models: readonly ServiceModel[], severities: Severities, hub: string | null): Judged {
  const between = Object.values(rules).flatMap(
    ({ id, across }) => across?.(models, hub).map((broken) => ({ ...broken, rule: id })) ?? [],
  );
  const judged = models.map((model) => {
    const { sure = [], late = [] } = Object.groupBy(
      between.filter(({ service }) => service === model.name),
      ({ contested }) => (contested?.onlyAfter === undefined ? 'sure' : 'late'),
    );
    const possible = [...mayBreak(model, models), ...late];
    return judgeService(model, [...model.broken, ...sure], possible, severities);
  });
  return {
    findings: judged.flatMap(({ findings }) => sortProblems(findings)),
    exceptions: judged.flatMap(({ exceptions }) => exceptions),
    ifLate: judged.flatMap(({ ifLate }) => ifLate),
    problems: toldOnce(judged.flatMap(({ problems }) => problems)),
  };
}

/** What several services say of lab.yaml in the same words is one thing to do. */
function toldOnce(problems: Problem[]): Problem[] {
  const place = ({ file, line, column, message }: Problem) => `${file}:${line}:${column}: ${message}`;
  return [...new Map(problems.map((problem) => [place(problem), problem])).values()];
}

function judgeService(
  model: ServiceModel,
  broken: RuleBroken[],
  possible: RuleBroken[],
  severities: Severities,
): Judged {
  const judged: Judged = { findings: [], exceptions: [], ifLate: [], problems: [] };
  const used = new Set<ServiceModel['allowed'][number]>();
  for (const each of broken) {
    const severity = severityOf(each.rule, severities);
    const exception = model.allowed.find((one) => waives(one, each));
    if (exception !== undefined) used.add(exception);
    if (severity === 'off') continue;
    const finding = findingOf(each, model.name, severity);
    if (exception === undefined) tell(finding, judged);
    else judged.exceptions.push({ finding, reason: exception.reason, origin: exception.origin });
  }
  for (const each of possible) {
    const isLate = each.contested !== undefined;
    const exception = model.allowed.find((one) => waives(one, each) && (isLate || !used.has(one)));
    if (exception === undefined) {
      const severity = severityOf(each.rule, severities);
      if (isLate && severity !== 'off') judged.ifLate.push(findingOf(each, model.name, severity));
      continue;
    }
    if (used.has(exception)) continue;
    used.add(exception);
    const finding = findingOf(each, model.name, 'error');
    judged.exceptions.push({ finding, reason: exception.reason, origin: exception.origin });
  }
  judged.problems.push(
    ...model.allowed.filter((each) => !used.has(each)).map((each) => unneeded(each, model.name)),
  );
  return judged;
}

function tell(finding: PolicyFinding, { findings, problems }: Judged): void {
  const { service: _service, container: _container, ...problem } = finding;
  if (rules[finding.rule].everywhere === true && finding.severity === 'warning') problems.push(problem);
  else findings.push(finding);
}

/** What a rule weighs in this lab. */
export function severityOf(rule: RuleId, severities: Severities): 'off' | Problem['severity'] {
  return severities[rule] ?? rules[rule].severity;
}

export function waives(
  { rule, container }: Allowed,
  broken: { rule: RuleId; container: string | null },
): boolean {
  return rule === broken.rule && (container === undefined || container === broken.container);
}

export function findingOf(
  { origin, rule, container, message, text, fix = rules[rule].fix, contested }: RuleBroken,
  service: string,
  severity: Problem['severity'],
): PolicyFinding {
  const { file, line, column } = origin;
  const shown = {
    ...(text === undefined ? {} : { text }),
    ...(contested === undefined ? {} : { contested }),
  };
  return { file, line, column, severity, message, ...shown, fix, rule, service, container };
}

function unneeded({ rule, container, origin }: ServiceModel['allowed'][number], service: string): Problem {
  const where = container === undefined ? service : `the container ${container}`;
  return warningAt(
    origin,
    `nothing in ${where} breaks ${rule}, so the exception is not needed`,
    'remove it',
    rule,
  );
}
