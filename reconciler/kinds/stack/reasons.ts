import type { DesiredContainer } from '../../../desired-state/types.ts';
import type { ObservedContainer } from '../../../observers/types.ts';
import type { Reason } from '../../types.ts';

/** What the inventory keeps of an applied container, so that the next change can say what is different. */
export interface AppliedContainer {
  configHash: string | null;
  fields: Record<string, string>;
  files: Record<string, string>;
  /** Absent for one that is built here, or was not seen yet. */
  image?: AppliedImage;
}

/** The image that a container was made from. */
export interface AppliedImage {
  id: string;
  /** `sha256:…` by which its registry gives it out; null where no registry does. */
  digest: string | null;
}

export function appliedData(
  containers: DesiredContainer[],
  images: Record<string, AppliedImage> = {},
): Record<string, AppliedContainer> {
  return Object.fromEntries(
    containers.map(({ name, configHash, fields, files }) => {
      const image = images[name];
      return [name, { configHash, fields, files, ...(image === undefined ? {} : { image }) }];
    }),
  );
}

/** Why the container on the host is not what Git says: fields, files, or a hand on the host. */
export function configReasons(
  desired: DesiredContainer,
  found: ObservedContainer,
  applied: AppliedContainer | undefined,
): Reason[] {
  const container = desired.name;
  if (applied === undefined)
    return [{ ...hashes(desired, found), note: 'made from another configuration', container }];
  if (applied.configHash !== null && applied.configHash !== found.configHash) {
    const note = 'changed by hand on the host';
    return [{ ...hashes(desired, found), note, container }, ...fieldReasons(desired, applied)];
  }
  const reasons = [...fieldReasons(desired, applied), ...fileReasons(desired, applied)];
  if (reasons.length > 0) return reasons;
  // Git is the same. Where the container is, too, compose counts otherwise than it did; right after a first apply its
  // hash is not known yet, and somebody's hand is the likely cause.
  const note = applied.configHash === null ? 'changed by hand on the host' : 'compose computes it anew';
  return [{ ...hashes(desired, found), note, container }];
}

function hashes(desired: DesiredContainer, found: ObservedContainer): Reason {
  return { field: 'configuration', from: short(found.configHash), to: short(desired.configHash) };
}

function short(hash: string | null): string | null {
  return hash === null ? null : (hash.split(':').at(-1) ?? hash).slice(0, 7);
}

function fieldReasons(desired: DesiredContainer, applied: AppliedContainer): Reason[] {
  const names = new Set([...Object.keys(applied.fields), ...Object.keys(desired.fields)]);
  return [...names]
    .filter((field) => applied.fields[field] !== desired.fields[field])
    .filter((field) => !field.includes('io.steward.'))
    .map((field) => fieldReason(desired, field, applied.fields[field], desired.fields[field]));
}

/** Values that may be secret stand as digests in `fields` (`#…`): that they changed is said, never what they are. */
function fieldReason(
  desired: DesiredContainer,
  field: string,
  before: string | undefined,
  after: string | undefined,
): Reason {
  const origin = desired.fieldOrigins[field];
  const place = { container: desired.name, ...(origin === undefined ? {} : { origin }) };
  if (!before?.startsWith('#') && !after?.startsWith('#')) {
    return { field, from: before ?? null, to: after ?? null, ...place };
  }
  return { field, from: null, to: null, note: `${changeOf(before, after)}; value not shown`, ...place };
}

function fileReasons(desired: DesiredContainer, applied: AppliedContainer): Reason[] {
  const names = new Set([...Object.keys(applied.files), ...Object.keys(desired.files)]);
  return [...names]
    .filter((file) => applied.files[file] !== desired.files[file])
    .map((file) => ({
      field: 'file',
      from: null,
      to: null,
      note: `${file} ${changeOf(applied.files[file], desired.files[file])}`,
      container: desired.name,
      origin: { file, line: 1, column: 1 },
    }));
}

function changeOf(before: string | undefined, after: string | undefined): 'added' | 'removed' | 'changed' {
  return before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
}
