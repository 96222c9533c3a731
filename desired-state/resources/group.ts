import type { Inferred } from '../context.ts';
import type { LabFile } from '../lab.ts';
import type { DesiredGroup } from '../types.ts';

/** The host group that lab.yaml calls sharedGroup. */
export function sharedGroup({ lab, yaml }: LabFile): Inferred<DesiredGroup> {
  const name = lab.sharedGroup;
  if (name === undefined) return { resources: [], problems: [] };
  const origin = yaml.at(['sharedGroup']);
  return {
    resources: [{ kind: 'group', id: `group:${name}`, name, service: null, origin, needs: [] }],
    problems: [],
  };
}
