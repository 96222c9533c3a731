import { describe, expect, it } from 'vitest';
import type { DesiredHub } from '../../desired-state/types.ts';
import { requestForBackups, requestOf } from '../../reconciler/observe-request.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import { digest } from '../../tools/digest.ts';
import * as build from '../support/build.ts';

const caddyfile = 'hub.lan {\n}\nimport *.caddy\n';
const names = {
  service: 'hub',
  container: 'hub',
  stack: 'compose-stack:hub' as const,
  line: 'import *.caddy',
};
const hub: DesiredHub = { ...names, socket: '/run/hub/admin.sock', folder: '/routes', caddyfile };
const desired = build.desired([build.directory('/datapool/services/photo'), build.record()], {
  hub,
  dns: build.dnsServer,
});

/** The hub was told this Caddyfile. */
function told(text: string) {
  const inventory = emptyInventory();
  const entry = { id: 'caddy-route:hub/Caddyfile', data: { digest: digest(text) } };
  inventory.entries.set('caddy-route:hub/Caddyfile', entry as unknown as InventoryEntry);
  return inventory;
}

const keysOf = (request: object) => Object.keys(request).sort();

describe('a cycle', () => {
  it('asks the hub and the DNS server, besides paths', () => {
    expect(keysOf(requestOf(desired, told(caddyfile), undefined))).toEqual(['dns', 'hub', 'paths']);
  });
});

it('files that containers mount out of a dataset are looked at, and nothing outside', () => {
  const bindMounts = ['/datapool/services/photo/acme.json', '/etc/localtime', '/datapool/services-2/x'];
  const stack = build.stack('photo', { containers: [build.container('server', { bindMounts })] });
  const { paths } = requestOf(build.desired([stack]), emptyInventory(), undefined);
  expect(paths).toEqual(['/datapool/services/photo/acme.json']);
});

describe('backups that a person asks for', () => {
  it('need neither of them', () => {
    const request = requestForBackups(desired, told(caddyfile), undefined);
    expect(request).toEqual({ paths: requestOf(desired, told(caddyfile), undefined).paths });
  });

  it('have the hub judge a Caddyfile that it never had: the commit may be a bad one', () => {
    expect(keysOf(requestForBackups(desired, told('other'), undefined))).toEqual(['hub', 'paths']);
    expect(keysOf(requestForBackups(desired, emptyInventory(), undefined))).toEqual(['hub', 'paths']);
  });
});
