import type { LabFile } from '../lab.ts';
import type { LoweredRule } from '../lab-parts.ts';
import { ruleIds } from '../schema/rule-ids.ts';
import { severityOf } from './judge.ts';
import { rules } from './rules/index.ts';

/** Rules that lab.yaml switches off, or weighs less than they do by themselves: nothing else would show it. */
export function loweredRules({ lab, yaml }: LabFile): LoweredRule[] {
  return ruleIds.flatMap((rule) => {
    const severity = severityOf(rule, lab.policy.rules);
    const usual = rules[rule].severity;
    if (severity === 'error' || severity === usual) return [];
    return [{ rule, severity, usual, origin: yaml.at(['policy', 'rules', rule]) }];
  });
}
