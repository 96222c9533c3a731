/**
 * Whose a network or volume is by its name: that service's after which it is called, and of several the one with the
 * longest name, so that `photo-web_net` is not of `photo`. Null: of nobody in this lab.
 */
export function homeOf(name: string, services: readonly { name: string }[]): string | null {
  const found = services.filter((service) => isCalledAfter(name, service.name));
  return found.reduce<string | null>(
    (longest, service) =>
      longest !== null && longest.length >= service.name.length ? longest : service.name,
    null,
  );
}

function isCalledAfter(name: string, service: string): boolean {
  return name === service || name.startsWith(`${service}_`) || name.startsWith(`${service}-`);
}
