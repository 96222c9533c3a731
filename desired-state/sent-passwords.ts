import path from 'node:path';
import type { YamlFile } from './locate.ts';
import { errorAt } from './problems.ts';
import type { Lab } from './schema/lab.ts';
import type { Problem } from './types.ts';

/**
 * Passwords that Steward sends to a server are read from a file that root has named for that server, in a folder that
 * root has named for that purpose. Who can push a commit would otherwise have any file of root's sent anywhere.
 */
export function sentPasswordRules(lab: Lab, yaml: YamlFile): Problem[] {
  return sent(lab).flatMap(({ host, file, at }) => {
    if (path.basename(path.dirname(file)) === folder && path.basename(file) === host) return [];
    const message = `${file} would be sent to ${host}, and its name does not say that it is meant for it`;
    const fix = `write the password into a file named as the server, and its path here, such as /etc/steward/${folder}/${host}`;
    return [errorAt(yaml.at(at), message, fix, file)];
  });
}

const folder = 'passwords';

function sent({ registries, dns }: Lab): { host: string; file: string; at: string[] }[] {
  const toRegistries = Object.entries(registries).map(([host, { password }]) => ({
    ...{ host, file: password.file },
    at: ['registries', host, 'password', 'file'],
  }));
  if (dns?.provider !== 'adguard' && dns?.provider !== 'pihole') return toRegistries;
  const { host } = new URL(dns.url);
  return [...toRegistries, { host, file: dns.password.file, at: ['dns', 'password', 'file'] }];
}
