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
    eachContainer(context, (service, name): BrokenAt[] =>
      texts(service.cap_add).flatMap((capability, index) => {
        const plain = capability.toUpperCase().replace(/^CAP_/, '');
        if (given.has(plain)) return [];
        return [{ at: ['cap_add', index], message: `${name} has the capability ${plain}`, text: capability }];
      }),
    ),
};
