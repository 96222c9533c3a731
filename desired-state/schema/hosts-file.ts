import { absolutePath } from './names.ts';

/**
 * A file that root writes because a commit says so: nowhere where the system, or a person's login, looks for what it
 * obeys. In /etc and /var/lib only what is called after hosts, or lies in a folder of a DNS server.
 */
export const hostsFilePath = (description: string, example: string) =>
  absolutePath(description, example, {
    expected: `an absolute path outside of the folders of the system, such as ${example}`,
    test: (file) => !isHidden(file) && (!isOfSystem(file) || allowed.some((place) => place.test(file))),
  });

function isHidden(file: string): boolean {
  return file.includes('/.');
}

function isOfSystem(file: string): boolean {
  return /^\/([^/]*$|(bin|boot|dev|etc|lib[^/]*|proc|root|run|sbin|sys|usr|var)\/)/.test(file);
}

/** `/etc/hosts.allow` and its like say who may come in. */
const allowed = [
  /^\/etc\/(?!hosts\.(allow|deny|equiv)$)([^/]*[.-])?hosts([.-][^/]*)?$/,
  /^\/(etc\/steward|var\/lib\/misc)\/([^/]*[.-])?hosts([.-][^/]*)?$/,
  /^\/(etc|var\/lib)\/(hosts\.d|dnsmasq[^/]*|coredns|unbound|pihole|hickory-dns)\/[^/]+$/,
];
