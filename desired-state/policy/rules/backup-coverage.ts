import { uncoveredData } from '../../coverage.ts';
import type { Rule } from '../types.ts';

export const backupCoverage: Rule = {
  id: 'backup-coverage',
  severity: 'warning',
  everywhere: true,
  why: 'What no archive holds is gone with the disk.',
  fix: 'bind-mount a directory below the dataset of the service',
  across: uncoveredData,
};
