import ipaddr from 'ipaddr.js';

/** Scheme, container (or an address outside) and port. A dot at the end would be another name for the same container. */
export const upstreamPattern =
  /^((https?|h2c):\/\/)?[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9_-])?:([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/;

/** What a route's `to` names, without scheme and port: `http://photo-server:2283` is `photo-server`. */
export function routeTarget(to: string): string {
  return to.replace(/^[a-z0-9]+:\/\//, '').replace(/:\d+$/, '');
}

/** The IPv4 address that it names, as four numbers; as the C library reads it, too: 127.1 is one. Null: it is a name. */
export function addressOf(target: string): string | null {
  return ipaddr.IPv4.isValid(target) ? ipaddr.IPv4.parse(target).toString() : null;
}

/** Without a dot it is below the lab's domain. */
export function hostName(host: string, domain: string | null): string {
  return host.includes('.') || domain === null ? host : `${host}.${domain}`;
}

/** `to` as the hub is to dial it: by the name that its container has on one network. */
export function dialled(to: string, { name, network }: { name: string; network: string }): string {
  const [, scheme = '', port = ''] = /^([a-z0-9]+:\/\/)?.*(:\d+)$/.exec(to) ?? [];
  return `${scheme}${name}.${network}${port}`;
}
