import type { ServiceContext } from '../context.ts';
import type { ServiceModel } from '../model.ts';
import type { RuleId } from '../schema/rule-ids.ts';
import type { Origin, Problem } from '../types.ts';
import type { Contested } from './home.ts';

/** A rule as data: what it is called, how much it weighs, why it is there, and how to keep it. */
export interface Rule {
  id: RuleId;
  /** Unless lab.yaml says otherwise. An error holds the service back. */
  severity: Problem['severity'];
  /** One sentence: what may happen to whoever breaks it. */
  why: string;
  /** What to write instead, in the imperative and without a full stop. */
  fix: string;
  /** A warning of it is told place by place wherever problems are, not only counted: it is about data. */
  everywhere?: true;
  /** What breaks it in one service; `earlier` holds all resources of it. */
  check?(context: ServiceContext): Broken[];
  /** What breaks it between services. Cheap: it is looked for again at every load. */
  across?(models: readonly ServiceModel[], hub: string | null): (Broken & { service: string })[];
}

/** One place where a rule is broken. */
export interface Broken {
  /** Name of the container inside the compose file; null where it is about the service as a whole. */
  container: string | null;
  origin: Origin;
  /** What is the case, as a sentence without a full stop. */
  message: string;
  text?: string;
  /** Where something better can be said than the rule's own. */
  fix?: string;
  contested?: Contested;
}

export interface RuleBroken extends Broken {
  rule: RuleId;
}

/** An exception as service.yaml has it. */
export interface Allowed {
  rule: RuleId;
  reason: string;
  /** Of this container only; absent: of the whole service. */
  container?: string | undefined;
}
