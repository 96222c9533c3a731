import { z } from 'zod';
import { type RuleId, ruleIds } from './rule-ids.ts';
import { choice, mapping, words } from './words.ts';

/** What the rules weigh in one lab, where it is not what they weigh by themselves. */
export type Severities = Partial<Record<RuleId, 'off' | 'warning' | 'error' | undefined>>;

export const ruleName = z.enum(ruleIds, {
  error: words('the name of a rule', `write one of ${ruleIds.join(', ')}`),
});

const weight = choice(
  ['off', 'warning', 'error'],
  'off: not looked at; warning: told; error: holds the service back.',
).optional();

const weights = Object.fromEntries(ruleIds.map((id) => [id, weight])) as Record<RuleId, typeof weight>;

export const labPolicy = mapping(
  {
    rules: mapping(weights, 'What single rules weigh in this lab.').prefault({}),
  },
  'Rules that services keep, or say why not.',
);
