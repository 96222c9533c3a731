/**
 * Whose a network, volume or image is by its name: that service's after which it is called, and of several the one with
 * the longest name, so that `photo-web_net` is not of `photo`. Null: of nobody in this lab.
 */
export function homeOf(name: string, services: readonly { name: string }[]): string | null {
  return claimantsOf(name, services)[0] ?? null;
}

/** All services after which it is called, the longest name first. Each may have had it before the others came. */
export function claimantsOf(name: string, services: readonly { name: string }[]): string[] {
  return services
    .map((service) => service.name)
    .filter((service) => isCalledAfter(name, service))
    .sort((a, b) => b.length - a.length);
}

function isCalledAfter(name: string, service: string): boolean {
  return name === service || name.startsWith(`${service}_`) || name.startsWith(`${service}-`);
}

/** What a name is of: each is one space for the whole server. */
export type NameSpace = 'network' | 'volume' | 'image';

/** A finding about a name that others have, or may have, as well. Who of them has it already only the server knows. */
export interface Contested {
  space: NameSpace;
  name: string;
  /** Services that come before this one where they have it too; it is held back for no other that has it later. */
  before: string[];
  /** By its name it is of this service: the finding is one only where these have it already, and this one not. */
  onlyAfter?: string[];
}

/** Of a name that all of `members` want: those after which it is called come first, the longest name before all. */
export function contested(
  service: string,
  space: NameSpace,
  name: string,
  { claimants, members }: { claimants: string[]; members: string[] },
): Contested {
  const others = [...new Set([...claimants, ...members])].filter((each) => each !== service);
  const rank = claimants.indexOf(service);
  return { space, name, before: rank < 0 ? others : claimants.slice(0, rank) };
}
