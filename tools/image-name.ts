/**
 * The name under which Docker lists an image: without its own registry and `library/`, with `:latest` where nothing is
 * said. With a digest the tag does not count. Source: distribution/reference, FamiliarName and TagNameOnly.
 */
export function familiarName(reference: string): string {
  const [beforeDigest = '', digest] = reference.split('@', 2);
  const colon = beforeDigest.lastIndexOf(':');
  const hasTag = colon > beforeDigest.lastIndexOf('/');
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  const tag = hasTag ? beforeDigest.slice(colon + 1) : 'latest';
  const familiar = name.replace(/^(index\.)?docker\.io\//, '').replace(/^library\//, '');
  return digest === undefined ? `${familiar}:${tag}` : `${familiar}@${digest}`;
}

/** Where it is pulled from: `docker.io`, or the host before the first slash where that can be one. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost && first !== 'index.docker.io' ? first : 'docker.io';
}

/** The same image by a digest in the place of tag or digest. */
export function withDigest(reference: string, digest: string): string {
  return `${familiarName(reference).replace(/[:@][^/]*$/, '')}@${digest}`;
}
