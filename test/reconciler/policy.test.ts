import { expect, it } from 'vitest';
import type { DesiredState, PolicyFinding } from '../../desired-state/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const finding: PolicyFinding = {
  ...{ file: 'services/photo/docker-compose.yml', line: 8, column: 5 },
  ...{ severity: 'error', rule: 'privileged', service: 'photo', container: 'server' },
  message: 'server is privileged',
};

function planOf(
  findings: PolicyFinding[],
  { runs = false, over = {} }: { runs?: boolean; over?: Partial<DesiredState> } = {},
) {
  const stack = build.stack('photo', {
    containers: [build.container('server', { networks: ['photo_net'], configHash: 'hash-server' })],
    needs: ['docker-network:photo_net'],
  });
  const git = build.network('git_net', { service: 'git' });
  const resources = [build.network('photo_net', { service: 'photo' }), git, stack];
  const containers = runs
    ? [build.seenContainer('server', { networks: { photo_net: 'net-photo_net' } })]
    : [];
  const networks = [{ name: 'old_net' }, ...(runs ? [{ name: 'photo_net' }] : [])];
  const desired = build.desired(resources, { policy: { findings, exceptions: [] }, ...over });
  const observed = build.observed({ containers, networks });
  const entry: InventoryEntry = {
    ...{ id: 'docker-network:old_net', kind: 'docker-network', name: 'old_net', service: 'photo' },
    data: {},
  } as unknown as InventoryEntry;
  const inventory = { ...emptyInventory(), entries: new Map([[entry.id, entry]]) };
  return makePlan({ desired, observed, inventory, nowMs: 1 }).plan;
}

it('holds what would change of its service, says why and where, and lets the others go on', () => {
  const { changes, blocked } = planOf([finding]);
  expect(changes.map(({ id }) => id)).toEqual(['docker-network:git_net']);
  expect(blocked.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'compose-stack:photo policy',
    'docker-network:photo_net policy',
  ]);
  expect(blocked[0]?.reasons).toEqual([
    {
      ...{ field: 'policy', from: null, to: null, note: 'server is privileged (privileged)' },
      origin: { file: finding.file, line: 8, column: 5 },
    },
  ]);
});

it('is told of a stack that runs as Git says, and takes nothing away', () => {
  const { changes, blocked, inSync } = planOf([finding], { runs: true });
  expect(blocked.map(({ id }) => id)).toEqual(['compose-stack:photo']);
  expect(inSync).toContain('docker-network:photo_net');
  expect(changes.map(({ id }) => id)).toEqual(['docker-network:git_net']);
});

it('holds nothing for a warning', () => {
  const { blocked, policy } = planOf([{ ...finding, severity: 'warning' }]);
  expect(blocked).toEqual([]);
  expect(policy.findings).toHaveLength(1);
});

const hub = build.stack('central_hub', {
  containers: [
    build.container('caddy', {
      ...{ containerName: 'central_hub', networks: ['central_hub_net'], configHash: 'h', image: 'caddy:1' },
      fields: {},
    }),
  ],
});
const attachment = build.attachment('photo_net');

/** `isOurs`: the hub was on the network of the service before that broke a rule. */
function hubPlan(
  networks: Record<string, string> | null,
  isOurs: boolean,
  { findings = [finding], driver = 'bridge' }: { findings?: PolicyFinding[]; driver?: string } = {},
) {
  const own = build.network('central_hub_net', { service: 'central_hub' });
  const desired = build.desired([own, build.network('photo_net'), hub, attachment], {
    policy: { findings, exceptions: [] },
  });
  const caddy = { name: 'central_hub', project: 'central_hub', configHash: 'h', image: 'caddy:1' };
  const containers = networks === null ? [] : [build.seenContainer('caddy', { ...caddy, networks })];
  const seen = { containers, networks: [{ name: 'central_hub_net' }, { name: 'photo_net', driver }] };
  const { id, kind, name, service } = attachment;
  const entry: InventoryEntry = {
    ...{ id, kind, name, service, ownedSince: 'a', appliedCommit: 'a', orphanedSince: null },
    data: { container: 'central_hub' },
  };
  const inventory = { ...emptyInventory(), entries: new Map(isOurs ? [[entry.id, entry]] : []) };
  return makePlan({ desired, observed: build.observed(seen), inventory, nowMs: 1 }).plan;
}

it.each([
  ['was made anew by hand', { central_hub_net: 'net-central_hub_net' }],
  ['is not there', null],
])('keeps the way to what runs where the hub %s', (_what, networks) => {
  const { changes, blocked } = hubPlan(networks, true);
  expect(changes.map(({ id }) => id)).toContain(attachment.id);
  expect(blocked).toEqual([]);
});

it.each([
  [true, [attachment.id], []],
  [false, [], [attachment.id]],
])(
  'keeps it also on a network that would not be taken over today (it was there: %s)',
  (wasThere, does, waits) => {
    const { changes, blocked } = hubPlan({ central_hub_net: 'net-central_hub_net' }, wasThere, {
      findings: [],
      driver: 'macvlan',
    });
    expect(changes.map(({ id }) => id)).toEqual(does);
    expect(blocked.map(({ id }) => id)).toEqual(['docker-network:photo_net', ...waits]);
  },
);

it('opens no way that there was not', () => {
  const { changes, blocked } = hubPlan({ central_hub_net: 'net-central_hub_net' }, false);
  expect(changes).toEqual([]);
  expect(blocked.map(({ id, state }) => `${id} ${state}`)).toEqual([`${attachment.id} policy`]);
});
