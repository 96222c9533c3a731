import type { Rule } from '../types.ts';
import { unjudged as find } from '../unjudged.ts';

export const unjudged: Rule = {
  id: 'unjudged',
  severity: 'error',
  why: 'What no rule knows may open anything: compose learns new keys, and each can be a way out of the container.',
  fix: 'remove it, or say in service.yaml why it is needed',
  check: find,
};
