import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../cli/render/plan.ts';
import { planJson } from '../../cli/render/plan-json.ts';
import { renderProblems } from '../../cli/render/problems.ts';
import { widthOf } from '../../cli/render/text.ts';
import { now, photo, situations } from './sample.ts';

const options = {
  now,
  color: false,
  width: null,
  verbose: false,
  mountpoint: '/datapool/services',
  commandOf: () => 'do it',
};

describe('a plan as text', () => {
  for (const [name, plan] of Object.entries(situations)) {
    it.each([
      ['pipe', {}],
      ['60-columns', { width: 60 }],
      ['colour', { width: 100, color: true, verbose: true }],
    ])(`${name} is as the golden file for %s says`, async (look, over) => {
      await expect(renderPlan(plan, { ...options, ...over })).toMatchFileSnapshot(
        `golden/${name}.${look}.txt`,
      );
    });
    it(`${name}: the table keeps to 60 columns`, () => {
      const lines = renderPlan(plan, { ...options, width: 60 }).split('\n');
      for (const line of lines.filter((each) => /^[+~!=-] [a-z]+-/.test(each)))
        expect(widthOf(line)).toBeLessThanOrEqual(60);
    });
  }
  it('a hostile commit subject cannot paint the terminal', () => {
    const text = renderPlan(situations.hostile as typeof photo, options);
    expect(text).toContain('x\\x1b[2J');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

it('the JSON of a plan has the promised keys in their order', () => {
  const json = planJson(photo, () => 'do it');
  expect(Object.keys(json)).toEqual([
    'commit',
    'inSync',
    'changes',
    'blocked',
    'reports',
    'held',
    'problems',
    'policy',
  ]);
  expect(json.changes[4]?.steps).toEqual([{ op: 'network-remove', command: 'do it', network: 'x' }]);
});

it.each([`$2a$14$${'Kq93hf'.repeat(9).slice(0, 53)}`, `JDJhJDE0J${'Kq93hf'.repeat(12).slice(0, 71)}`])(
  'the JSON of a plan has no hash of a password: %s',
  (hash) => {
    const [change] = photo.changes;
    if (change === undefined) throw new Error('no change');
    const load = { op: 'caddy-load', socket: '/s', folder: '/r', line: 'import' } as const;
    const snippet = `basicauth {\n\tada "${hash}"\n}`;
    const along = [{ name: 'git', snippet }];
    const steps = [{ ...load, caddyfile: snippet, name: 'photo', snippet, along }];
    const json = JSON.stringify(planJson({ ...photo, changes: [{ ...change, steps }] }, () => ''));
    expect(json).not.toContain('Kq93hf');
    expect(json.match(/ada \\"[^"]*…\\"/g)).toHaveLength(3);
  },
);

it('a problem shows its line with a caret below the offending text', () => {
  const problem = {
    file: 'lab.yaml',
    line: 2,
    column: 3,
    severity: 'error',
    message: 'unknown key',
    text: 'nam',
    fix: 'name',
  } as const;
  expect(renderProblems([problem], () => 'lab:\n  nam: x\n')).toContain(
    '  2 |   nam: x\n    |   ^^^\n  fix: name\n',
  );
});
