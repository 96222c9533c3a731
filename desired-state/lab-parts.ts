import type { RuleId } from './schema/rule-ids.ts';

/** Parts of lab.yaml that go through to planning as they are. */

/** The password itself is never here. */
export interface RegistryLogin {
  username: string;
  passwordFile: string;
}

export interface Limits {
  removalCount: number;
  removalPercent: number;
  parallel: number;
}

/** A rule that lab.yaml weighs less than it weighs by itself, for every service. */
export interface LoweredRule {
  rule: RuleId;
  severity: 'off' | 'warning';
  usual: 'warning' | 'error';
  origin: { file: string; line: number; column: number };
}
