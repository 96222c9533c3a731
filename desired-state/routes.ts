/** What a route's `to` names, without scheme and port: `http://photo-server:2283` is `photo-server`. */
export function routeTarget(to: string): string {
  return to.replace(/^[a-z0-9]+:\/\//, '').replace(/:\d+$/, '');
}

/** Without a dot it is below the lab's domain. */
export function hostName(host: string, domain: string | null): string {
  return host.includes('.') || domain === null ? host : `${host}.${domain}`;
}
