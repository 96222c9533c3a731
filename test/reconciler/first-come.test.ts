import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../desired-state/types.ts';
import { firstCome, takenNames } from '../../reconciler/first-come.ts';
import { emptyInventory, type Inventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import type { Files } from '../desired-state/lab-folder.ts';
import { compose, files, hub, net, stateOf } from '../desired-state/policy-lab.ts';

/** A new folder whose name makes it the owner of what another one has, by the longest name. */
const member = (name: string, more: string, below: string): Record<string, string> => ({
  [`services/${name}/docker-compose.yml`]: `services:\n  x: { image: "x:1", container_name: ${name}-x, user: "1", restart: always, ${more} }\n${below}\n`,
});
const onNetwork = (name: string, network: string) =>
  member(name, `networks: [${network}]`, `networks: { ${network}: { external: true } }`);
const withVolume = member(
  'photo_data',
  'networks: [n], volumes: ["own:/s"]',
  'networks: { n: { external: true, name: photo_data_net } }\nvolumes: { own: { external: true, name: photo_data } }',
);
const photo = compose('volumes: ["data:/d"]', `${net}volumes: { data: {} }\n`);
const quiet =
  'version: 1\nname: homelab\nstorage: { parent: tank/services, mountpoint: /tank/services }\nhub: { service: hub, container: hub, address: 192.168.1.100 }\npolicy: { rules: { backup-coverage: off } }\n';
const lab = (over: Files) => stateOf(files(photo, { 'lab.yaml': quiet, ...over }));

function inventoryOf(state: DesiredState, ...applied: string[]): Inventory {
  const stacks = state.resources.flatMap((each) =>
    each.kind === 'compose-stack' && applied.includes(each.name) ? [each] : [],
  );
  const entries = stacks.map((stack) => {
    const data = { containers: {}, ...takenNames(stack, { desired: state, inventory: emptyInventory() }) };
    return [stack.id, { ...stack, data } as unknown as InventoryEntry] as const;
  });
  return { ...emptyInventory(), entries: new Map(entries) };
}

/** Services that are held back, and the rule. */
function held(state: DesiredState, inventory: Inventory): string[] {
  const { findings } = firstCome(state, inventory).policy;
  return findings.flatMap(({ severity, service, rule }) =>
    severity === 'error' ? [`${service} ${rule}`] : [],
  );
}

describe.each([
  ['a network', onNetwork('photo_net', 'photo_net'), 'photo', 'photo_net', 'shared-network'],
  ['a volume', withVolume, 'photo', 'photo_data', 'outside-bind-mount'],
])('of two services that %s is called after', (_what, over, old, young, rule) => {
  it('the one that has it goes on, and the newcomer is held back', async () => {
    const before = await lab({});
    const state = await lab(over);
    expect(held(state, inventoryOf(before, 'hub', 'photo'))).toEqual([`${young} ${rule}`]);
  });

  it('both are held back where nobody has it yet', async () => {
    const state = await lab(over);
    expect(held(state, inventoryOf(state, 'hub'))).toEqual([`${old} ${rule}`, `${young} ${rule}`]);
  });

  it('a newcomer of a service that is there already is a newcomer', async () => {
    const [own] = Object.keys(over);
    const before = await lab({ [own ?? '']: onNetwork(young, `${young}_n`)[own ?? ''] ?? '' });
    const state = await lab(over);
    expect(held(state, inventoryOf(before, 'hub', 'photo', young))).toEqual([`${young} ${rule}`]);
  });

  it('where both have it, it is of the longest name', async () => {
    const state = await lab(over);
    expect(held(state, inventoryOf(state, 'hub', 'photo', young))).toEqual([`${old} ${rule}`]);
  });

  it('what an older Steward has applied is taken to be as Git says, and what only was begun is not', async () => {
    const state = await lab(over);
    const inventory = inventoryOf(state, 'hub', 'photo', young);
    for (const entry of inventory.entries.values()) delete entry.data.taken;
    expect(held(state, inventory)).toEqual([`${old} ${rule}`]);
    for (const entry of inventory.entries.values()) delete entry.data.containers;
    expect(held(state, inventory)).toEqual([`${old} ${rule}`, `${young} ${rule}`]);
  });
});

it('is told of a name that fits another all the same', async () => {
  const state = await lab(onNetwork('photo_net', 'photo_net'));
  const { findings } = firstCome(state, inventoryOf(await lab({}), 'photo')).policy;
  expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    'warning: photo is on photo_net together with photo_net; photo had the network first, and goes on',
    'error: photo_net is on photo_net together with photo',
  ]);
});

it('a folder that only is called after a network of another holds nobody back', async () => {
  const over = { 'services/photo/docker-compose.yml': photo.replaceAll('photo_net', 'photo_web_net') };
  const state = await lab({ ...over, ...onNetwork('photo_web', 'photo_web') });
  expect(held(state, inventoryOf(state))).toEqual(['photo shared-network']);
  expect(held(state, inventoryOf(await lab(over), 'photo'))).toEqual([]);
});

const proxy = photo.replaceAll('photo_net', 'media_net');
const media = onNetwork('media', 'media_net');

it.each([
  ['network', { 'services/photo/docker-compose.yml': proxy }, media, 'shared-network'],
  [
    'volume',
    {
      'services/photo/docker-compose.yml': photo.replace('data: {}', 'data: { name: media_data }'),
      'services/photo/service.yaml': 'policy: { allow: [{ rule: outside-bind-mount, reason: x }] }\n',
    },
    member(
      'media',
      'networks: [n], volumes: ["data:/s"]',
      'networks: { n: { external: true, name: media_net } }\nvolumes: { data: {} }',
    ),
    'outside-bind-mount',
  ],
])(
  'a new folder takes no %s that another has, which is called after nobody else',
  async (_w, had, over, rule) => {
    const before = await lab(had);
    const state = await lab({ ...had, ...over });
    expect(held(before, inventoryOf(before, 'photo'))).toEqual([]);
    expect(held(state, inventoryOf(before, 'photo'))).toEqual([`media ${rule}`]);
    // The next cycle writes down again what photo has.
    const [photoStack] = state.resources.filter((each) => each.id === 'compose-stack:photo');
    const inventory = inventoryOf(before, 'photo');
    if (photoStack?.kind !== 'compose-stack') throw new Error('photo has no stack');
    const known = inventory.entries.get(photoStack.id);
    expect(takenNames(photoStack, { desired: state, inventory }).taken).toEqual(known?.data.taken);
    // Once it has it as well, it is its own by the name.
    expect(held(state, inventoryOf(state, 'photo', 'media'))).not.toContain(`media ${rule}`);
  },
);

it('who may be on the network of another does not keep that one from it, where all is made anew', async () => {
  const state = await lab({
    ...onNetwork('git', 'photo_net'),
    'services/git/service.yaml': 'policy: { allow: [{ rule: shared-network, reason: x }] }\n',
  });
  expect(held(state, inventoryOf(state, 'git'))).toEqual([]);
});

it('an intruder is held back, and never the one that it comes to', async () => {
  const had = { 'services/photo/docker-compose.yml': proxy };
  const state = await lab({ ...had, ...onNetwork('git', 'media_net') });
  expect(held(state, inventoryOf(await lab(had), 'photo'))).toEqual(['git shared-network']);
  expect(held(state, emptyInventory())).toEqual(['git shared-network', 'photo shared-network']);
});

it('nobody else is on the network of the hub, whatever the name', async () => {
  const state = await lab({ ...onNetwork('hub_net', 'hub_net') });
  expect(held(state, inventoryOf(await lab({}), 'hub'))).toEqual(['hub_net shared-network']);
  expect(hub).toContain('hub_net');
});

describe('an image', () => {
  const built = compose('build: .').replace('ghcr.io/someone/photo:1.2', 'photo-web:1');
  const over = { 'services/photo/docker-compose.yml': built };
  const young = (build: string) => member('photo-web', `${build}network_mode: none`, '');

  it('that was built here first goes on being built', async () => {
    const before = await lab(over);
    const rival = young('build: ., ')['services/photo-web/docker-compose.yml']?.replace('x:1', 'photo-web:1');
    const state = await lab({ ...over, 'services/photo-web/docker-compose.yml': rival ?? '' });
    expect(held(state, inventoryOf(before, 'photo'))).toEqual(['photo-web built-image']);
    expect(held(state, inventoryOf(state))).toEqual(['photo built-image', 'photo-web built-image']);
  });

  it('whose name fits a new folder is not taken from its builder', async () => {
    const state = await lab({ ...over, ...young('') });
    expect(held(state, inventoryOf(await lab(over), 'photo'))).toEqual([]);
    expect(held(state, inventoryOf(state))).toEqual(['photo built-image']);
  });

  it('that others run as well is not built by who ran it before', async () => {
    const rival =
      young('build: ., ')['services/photo-web/docker-compose.yml']?.replace('x:1', 'photo-web:1') ?? '';
    const runs = { 'services/photo/docker-compose.yml': built.replace('    build: .\n', '') };
    const path = 'services/photo-web/docker-compose.yml';
    const before = await lab({ ...runs, [path]: rival.replace('build: ., ', '') });
    const state = await lab({ ...runs, [path]: rival });
    expect(held(state, inventoryOf(before, 'photo', 'photo-web'))).toEqual(['photo-web built-image']);
  });
});
