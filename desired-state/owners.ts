/** Owner as a container sees it. */
export interface ContainerOwner {
  uid: number;
  gid: number;
}

export type OwnerResult = { ok: true; owner: ContainerOwner } | { ok: false; unknown: string };

/**
 * Owner of `user:` in a compose file: `999`, `999:999`, `postgres`, `postgres:app`. Without a group the gid is
 * taken to be the uid: images that drop root nearly always make a group of the same number, and Docker's own
 * fallback (gid 0) would hand the files to root's group.
 */
export function parseOwner(user: string, owners: Record<string, number> | null): OwnerResult {
  const [userPart = '', groupPart] = user.split(':');
  const uid = idOf(userPart, owners);
  if (uid === undefined) return { ok: false, unknown: userPart };
  if (groupPart === undefined || groupPart === '') return { ok: true, owner: { uid, gid: uid } };
  const gid = idOf(groupPart, owners);
  return gid === undefined ? { ok: false, unknown: groupPart } : { ok: true, owner: { uid, gid } };
}

function idOf(text: string, owners: Record<string, number> | null): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (owners && Object.hasOwn(owners, text)) return owners[text];
  return text === 'root' ? 0 : undefined;
}
