import { describe, expect, it } from 'vitest';
import { violations } from './rules.ts';

describe('the rules of the house', () => {
  it.each([
    [
      'desired-state/load.ts',
      "import { a } from '../observers/zfs.ts';",
      'desired-state must not import observers/zfs.ts',
    ],
    [
      'observers/zfs.ts',
      "import { a } from '../reconciler/plan.ts';",
      'observers must not import reconciler/plan.ts',
    ],
    ['metrics/record.ts', "import { a } from '../reconciler/plan.ts';", 'may import only types'],
    [
      'reconciler/plan.ts',
      "const a = await import('../cli/main.ts');",
      'reconciler must not import cli/main.ts',
    ],
    ['elsewhere/a.ts', '', 'there is no room called elsewhere'],
  ])('%s with %s is a breach', (path, text, expected) => {
    expect(violations({ path, text }).join('\n')).toContain(expected);
  });

  it.each([
    ['reconciler/plan.ts', "import type { A } from '../observers/types.ts';"],
    ['metrics/record.ts', "import type { Plan } from '../reconciler/types.ts';"],
    ['observers/zfs.ts', "import { run } from '../tools/run.ts';"],
    ['cli/wire.ts', "import { Loop } from '../reconciler/loop.ts';"],
  ])('%s with %s is fine', (path, text) => {
    expect(violations({ path, text })).toEqual([]);
  });

  it('a file of more than 300 lines is a breach', () => {
    expect(violations({ path: 'tools/a.ts', text: 'a;\n'.repeat(301) })).toHaveLength(1);
    expect(violations({ path: 'tools/a.ts', text: 'a;\n'.repeat(300) })).toEqual([]);
  });
});
