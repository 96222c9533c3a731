import type { Log, ReportingDescriptor, Result } from 'sarif';
import { rules } from '../../desired-state/policy/rules/index.ts';
import type { PolicyException, PolicyFinding, Problem } from '../../desired-state/types.ts';

export interface SarifInput {
  version: string;
  problems: readonly Problem[];
  findings: readonly PolicyFinding[];
  exceptions: readonly PolicyException[];
  /** Where the lab is in its Git repository, which is what a forge shows; empty for the root of it. */
  folder?: string;
}

const unruly = 'configuration';

/**
 * What was found as SARIF 2.1.0, for forges that show it at the lines of a change. All rules are listed, found or not,
 * so that a forge can tell what is mended from what is not looked at; what is allowed is there, and suppressed.
 */
export function sarifLog({ version, problems, findings, exceptions, folder = '' }: SarifInput): Log {
  const driver = {
    name: 'steward',
    version,
    rules: [configuration, ...Object.values(rules).map(descriptor)],
  };
  const results = [
    ...problems.map((problem) => resultOf(problem, folder)),
    ...findings.map((finding) => resultOf(finding, folder)),
    ...exceptions.map((each) => ({ ...resultOf(each.finding, folder), ...suppressed(each) })),
  ];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, columnKind: 'utf16CodeUnits', results }],
  };
}

const configuration: ReportingDescriptor = {
  id: unruly,
  shortDescription: { text: 'The files say something that cannot be done.' },
  defaultConfiguration: { level: 'error' },
};

function descriptor({ id, severity, why, fix }: (typeof rules)[keyof typeof rules]): ReportingDescriptor {
  return {
    id,
    shortDescription: { text: why },
    help: { text: `${why} To keep the rule: ${fix}.` },
    defaultConfiguration: { level: severity },
  };
}

function resultOf(problem: Problem, folder: string): Result {
  const { severity, message, fix, file, line, column, rule: ruleId = unruly } = problem;
  const region = { startLine: line, startColumn: column };
  const uri = (folder === '' ? file : `${folder}/${file}`).split('/').map(encodeURIComponent).join('/');
  return {
    ruleId,
    level: severity,
    message: { text: fix === undefined ? message : `${message}. To mend it: ${fix}.` },
    locations: [{ physicalLocation: { artifactLocation: { uri }, region } }],
  };
}

function suppressed({ reason }: PolicyException): Pick<Result, 'suppressions'> {
  return { suppressions: [{ kind: 'external', status: 'accepted', justification: reason }] };
}
