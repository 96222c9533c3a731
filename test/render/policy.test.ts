import { expect, it } from 'vitest';
import { exceptionLines, loweredLines, policyLines } from '../../cli/render/policy.ts';
import { renderProblems } from '../../cli/render/problems.ts';
import { sarifLog } from '../../cli/render/sarif.ts';
import type { PolicyFinding } from '../../desired-state/types.ts';

const plain = { color: false, width: null };

function finding(over: Partial<PolicyFinding> = {}): PolicyFinding {
  const place = { file: 'services/photo/a b.yml', line: 8, column: 5 };
  const own = { service: 'photo', container: 'server', rule: 'devices', severity: 'warning' } as const;
  return { ...place, ...own, message: 'server has the device /dev/dri', fix: 'remove it', ...over };
}

const allowed = {
  finding: finding(),
  reason: 'transcoding',
  origin: { file: 'services/photo/service.yaml', line: 4, column: 7 },
};

it('counts warnings, the most first; errors stand where they hold something back', () => {
  const findings = [
    finding({ rule: 'root-user' }),
    finding(),
    finding({ service: 'git' }),
    finding({ severity: 'error' }),
  ];
  expect(policyLines({ findings, exceptions: [] }, plain)).toEqual([
    'policy: 3 warnings in 2 services (steward validate shows them): devices 2, root-user 1',
  ]);
  expect(policyLines({ findings: [finding({ severity: 'error' })], exceptions: [] }, plain)).toEqual([]);
});

it('names rules that the lab has switched off or made lighter, with their place', () => {
  const origin = { file: 'lab.yaml', line: 9, column: 12 };
  const lowered = [
    { rule: 'privileged', severity: 'off', usual: 'error', origin },
    { rule: 'host-ports', severity: 'warning', usual: 'error', origin },
  ] as const;
  expect(loweredLines({ lowered: [...lowered] }, plain)).toEqual([
    'off for the whole lab: privileged  lab.yaml:9',
    'only warned of for the whole lab: host-ports  lab.yaml:9',
  ]);
  expect(loweredLines({}, plain)).toEqual([]);
});

it('tells each exception once, with its reason and its place', () => {
  expect(exceptionLines({ exceptions: [allowed, allowed] }, plain)).toEqual([
    'allowed: photo breaks devices 2 times: transcoding  services/photo/service.yaml:4',
  ]);
});

it('says which rule, and that only its service is left as it is', () => {
  const text = renderProblems([finding({ severity: 'error' })], () => undefined);
  expect(text).toContain('error (devices): server has the device /dev/dri');
  expect(text).toContain('1 error in 1 file · these services are left as they are');
  const {
    service: _service,
    rule: _rule,
    container: _container,
    ...problem
  } = finding({ severity: 'error' });
  expect(renderProblems([finding(), problem], () => undefined)).toContain('nothing is changed on the host');
});

it('is SARIF, with every rule, and what is allowed suppressed for its reason', () => {
  const { service: _service, rule: _rule, container: _container, ...problem } = finding();
  const log = sarifLog({
    version: '1.2.3',
    problems: [problem],
    findings: [finding({ severity: 'error' })],
    exceptions: [allowed],
  });
  const [run] = log.runs;
  const ids = run?.tool.driver.rules?.map(({ id }) => id) ?? [];
  expect(ids).toContain('backup-coverage');
  expect(
    run?.results?.map(({ ruleId, level, suppressions }) => [ruleId, level, suppressions?.length]),
  ).toEqual([
    ['configuration', 'warning', undefined],
    ['devices', 'error', undefined],
    ['devices', 'warning', 1],
  ]);
  for (const { ruleId } of run?.results ?? []) expect(ids).toContain(ruleId);
  expect(run?.results?.[2]).toMatchObject({
    suppressions: [{ kind: 'external', status: 'accepted', justification: 'transcoding' }],
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'services/photo/a%20b.yml' },
          region: { startLine: 8, startColumn: 5 },
        },
      },
    ],
  });
});

it('is SARIF of a lab in a folder of its repository, and data without a backup has its own rule', () => {
  const { service: _service, container: _container, ...problem } = finding({ rule: 'backup-coverage' });
  const log = sarifLog({ version: '1', problems: [problem], findings: [], exceptions: [], folder: 'my lab' });
  expect(log.runs[0]?.results).toMatchObject([
    {
      ruleId: 'backup-coverage',
      locations: [{ physicalLocation: { artifactLocation: { uri: 'my%20lab/services/photo/a%20b.yml' } } }],
    },
  ]);
});
