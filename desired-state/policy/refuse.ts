import type { EnvLines, LabInputs } from '../context.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { PolicyFinding } from '../types.ts';
import { findingOf, severityOf, waives } from './judge.ts';
import { outsideFiles, type Written } from './outside-files.ts';
import { variablesOfPrograms } from './program-variables.ts';

interface Given extends Written {
  lab: Written['lab'] & Pick<LabInputs, 'severities'>;
  /** As far as it can be opened. */
  env: readonly EnvLines[];
}

const looks = [
  ['outside-files', outsideFiles],
  ['server-environment', variablesOfPrograms],
] as const;

/**
 * What keeps compose from being called at all, since calling it is what would open the files, or run programs that the
 * repository has told what to do. So it refuses the commit and not the service alone, as a link out of the repository does.
 */
export function refusedFirst(given: Given, { policy }: ServiceConfig): PolicyFinding[] {
  return looks.flatMap(([rule, look]) => {
    if (severityOf(rule, given.lab.severities) !== 'error') return [];
    return look(given)
      .map((broken) => ({ ...broken, rule }))
      .filter((broken) => !policy?.allow.some((each) => waives(each, broken)))
      .map((broken) => findingOf(broken, given.name, 'error'));
  });
}
