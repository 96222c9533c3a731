import type { DesiredDirectory, DesiredResource, DesiredStack, Kind } from '../../desired-state/types.ts';
import { type Files, stateOf, uncoveredLab } from './lab-folder.ts';

/** What follows from a few files: the shortest way to one resource. */

export const web = (extra: string) => `services:\n  web:\n    image: nginx\n${extra}`;

export async function find<K extends Kind>(
  files: Files,
  kind: K,
): Promise<Extract<DesiredResource, { kind: K }>[]> {
  const { resources } = await stateOf(files);
  return resources.filter(
    (resource): resource is Extract<DesiredResource, { kind: K }> => resource.kind === kind,
  );
}

export async function directory(
  compose: string,
  service?: string,
  lab = uncoveredLab,
): Promise<DesiredDirectory> {
  const files = {
    'lab.yaml': lab,
    'services/photo/compose.yaml': compose,
    ...(service ? { 'services/photo/service.yaml': service } : {}),
  };
  const [first] = await find(files, 'directory');
  if (!first) throw new Error('no directory was inferred');
  return first;
}

export async function stack(files: Files): Promise<DesiredStack> {
  const found = (await find(files, 'compose-stack')).find(({ name }) => name === 'photo');
  if (!found) throw new Error('no stack was inferred');
  return found;
}
