import type { ResolvedService } from '../../compose/types.ts';
import { type BrokenAt, eachContainer, texts } from '../containers.ts';
import type { Rule } from '../types.ts';

/** What Docker gives every container; source: moby/profiles, capabilities.DefaultCapabilities. */
const given = new Set(
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(
    ' ',
  ),
);

export const capabilities: Rule = {
  id: 'capabilities',
  severity: 'error',
  why: 'An added capability is a part of root: SYS_ADMIN mounts disks, NET_ADMIN moves the network under other containers where it shares theirs.',
  fix: 'remove it, or say in service.yaml why it is needed',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => [
      ...texts(service.cap_add).flatMap((capability, index) => {
        const plain = capability.toUpperCase().replace(/^CAP_/, '');
        if (given.has(plain)) return [];
        return [{ at: ['cap_add', index], message: `${name} has the capability ${plain}`, text: capability }];
      }),
      ...groups(service, name),
    ]),
};

/** Below are the groups of the server itself (Debian, /etc/adduser.conf): disk, shadow, docker, render and the like. */
const firstOfPeople = 1000;

/** Whom a name means is known to the image only, so it is judged like the group of the server that it may be. */
function groups({ group_add: groups }: ResolvedService, name: string): BrokenAt[] {
  return (Array.isArray(groups) ? groups.map(String) : []).flatMap((group, index) => {
    if (/^\d+$/.test(group) && Number(group) >= firstOfPeople) return [];
    const message = `${name} is in the group ${group}, which is the server's own`;
    return [{ at: ['group_add', index], message, text: group }];
  });
}
