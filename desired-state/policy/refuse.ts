import type { LabInputs } from '../context.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { PolicyFinding } from '../types.ts';
import { findingOf, severityOf, waives } from './judge.ts';
import { outsideFiles, type Written } from './outside-files.ts';

/**
 * What keeps compose from being called at all, since calling it is what would open the files. So it refuses the commit
 * and not the service alone, as a link out of the repository does.
 */
export function refusedFiles(
  written: Written & { lab: Pick<LabInputs, 'severities'> },
  { policy }: ServiceConfig,
): PolicyFinding[] {
  if (severityOf('outside-files', written.lab.severities) !== 'error') return [];
  return outsideFiles(written)
    .map((broken) => ({ ...broken, rule: 'outside-files' as const }))
    .filter((broken) => !policy?.allow.some((each) => waives(each, broken)))
    .map((broken) => findingOf(broken, written.name, 'error'));
}
