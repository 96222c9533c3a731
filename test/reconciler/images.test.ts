import { describe, expect, it } from 'vitest';
import type { RegistryLogin } from '../../desired-state/lab-parts.ts';
import type { DesiredContainer } from '../../desired-state/types.ts';
import type { ObservedContainer, ObservedImage } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const old: ObservedImage = { id: 'sha256:old', tags: ['app:1'], digests: ['app@sha256:d1'] };
const newer: ObservedImage = { id: 'sha256:new', tags: ['app:1'], digests: ['app@sha256:d2'] };
const untagged = { ...old, tags: [] };

interface Case {
  wanted?: Partial<DesiredContainer>;
  /** Null: it is not there. */
  seen?: Partial<ObservedContainer> | null;
  images?: ObservedImage[];
  /** What the inventory keeps: which name, and which image. */
  applied?: { name?: string; id?: string; digest?: string | null } | null;
  registries?: Record<string, RegistryLogin>;
}

/** A container of app:1 whose configuration has changed, with whatever a case changes. */
function planned({ wanted = {}, seen = {}, images = [old], applied = {}, registries = {} }: Case) {
  const image = wanted.image ?? 'app:1';
  const server = build.container('server', { image, configHash: 'next', fields: { image }, ...wanted });
  const stack = build.stack('photo', { containers: [server] });
  const found =
    seen === null ? [] : [build.seenContainer('server', { image: 'app:1', imageId: old.id, ...seen })];
  const input = build.planInput([stack], build.observed({ containers: found, images }));
  const inventory = emptyInventory();
  if (applied !== null) inventory.entries.set(stack.id, entry(stack.id, applied));
  const result = makePlan({ ...input, inventory, desired: { ...input.desired, registries } });
  return { ...result.plan, data: result.data.get(stack.id) };
}

function entry(
  id: InventoryEntry['id'],
  { name = 'app:1', id: image = old.id, digest = 'sha256:d1' }: NonNullable<Case['applied']>,
) {
  const server = {
    configHash: 'hash-server',
    fields: { image: name },
    files: {},
    image: { id: image, digest },
  };
  const commits = { ownedSince: 'a', appliedCommit: 'a', orphanedSince: null };
  return {
    ...{ id, kind: 'compose-stack' as const, name: 'photo', service: 'photo' },
    ...commits,
    data: { containers: { server } },
  };
}

const stepsOf = (given: Case) => planned(given).changes[0]?.steps.filter(({ op }) => op.startsWith('image-'));
const pull = (image: string, tag: string | null = null) => ({ op: 'image-pull', image, tag, login: null });

describe('a change of something else', () => {
  it('fetches nothing where the name stands for what is deployed', () => {
    expect(stepsOf({})).toEqual([]);
  });

  it('keeps what is deployed where the name has come to stand for another image', () => {
    const { changes } = planned({ images: [untagged, newer] });
    expect(changes[0]?.steps.map(({ op }) => op)).toEqual(['image-tag', 'compose-up']);
    expect(changes[0]?.steps[0]).toEqual({ op: 'image-tag', id: old.id, image: 'app:1' });
    expect(changes[0]?.reasons).toContainEqual({
      ...{ field: 'image', from: null, to: 'app:1', container: 'server' },
      note: 'the name stands for another image on this host now; the one that was deployed is kept',
    });
  });

  it('fetches what was deployed by its digest where it is not on this host any more', () => {
    expect(stepsOf({ seen: null, images: [newer] })).toEqual([pull('app@sha256:d1', 'app:1')]);
    expect(stepsOf({ seen: null, images: [] })).toEqual([pull('app@sha256:d1', 'app:1')]);
  });

  it('takes what is there where no registry has what was deployed', () => {
    expect(stepsOf({ seen: null, images: [newer], applied: { digest: null } })).toEqual([]);
    expect(stepsOf({ seen: null, images: [], applied: { digest: null } })).toEqual([pull('app:1')]);
  });

  it('keeps the images of neighbours too, which compose would make anew', () => {
    const neighbour = build.container('db', {
      image: 'db:1',
      configHash: 'hash-db',
      fields: { image: 'db:1' },
    });
    const server = build.container('server', {
      image: 'app:1',
      configHash: 'next',
      fields: { image: 'app:1' },
    });
    const stack = build.stack('photo', { containers: [server, neighbour] });
    const containers = [
      build.seenContainer('server', { image: 'app:1', imageId: old.id }),
      build.seenContainer('db', { image: 'db:1', imageId: 'sha256:db' }),
    ];
    const images = [
      old,
      { id: 'sha256:db', tags: [], digests: [] },
      { id: 'sha256:db2', tags: ['db:1'], digests: [] },
    ];
    const { plan } = makePlan(build.planInput([stack], build.observed({ containers, images })));
    expect(plan.changes[0]?.steps[0]).toEqual({ op: 'image-tag', id: 'sha256:db', image: 'db:1' });
    expect(plan.changes[0]?.disruption.containers).toEqual(['photo-server']);
  });
});

describe('another name in Git', () => {
  const wanted = { image: 'app:2' };

  it('is fetched before anything stops', () => {
    expect(planned({ wanted }).changes[0]?.steps.map(({ op }) => op)).toEqual(['image-pull', 'compose-up']);
    expect(stepsOf({ wanted })).toEqual([pull('app:2')]);
  });

  it('that is on this host is taken as it is', () => {
    expect(stepsOf({ wanted, images: [old, { ...newer, tags: ['app:2'] }] })).toEqual([]);
  });

  it('is fetched by whoever lab.yaml names, and the password stays where it is', () => {
    const registries = { 'registry.lan:5000': { username: 'ada', passwordFile: '/etc/steward/registry' } };
    expect(stepsOf({ wanted: { image: 'registry.lan:5000/app:2' }, registries })).toEqual([
      {
        ...pull('registry.lan:5000/app:2'),
        login: { host: 'registry.lan:5000', username: 'ada', passwordFile: '/etc/steward/registry' },
      },
    ]);
  });
});

describe('pull_policy', () => {
  it('always fetches what is deployed anew, and nothing else', () => {
    expect(stepsOf({ wanted: { pull: 'always' } })).toEqual([pull('app:1')]);
    const started = {
      wanted: { pull: 'always' as const, configHash: 'hash-server' },
      seen: { state: 'exited' as const, exitCode: 1 },
    };
    expect(stepsOf(started)).toEqual([]);
  });

  it('never holds the stack back where the image is not on this host', () => {
    const { blocked, changes } = planned({ wanted: { pull: 'never', image: 'app:2' }, images: [] });
    expect(changes).toEqual([]);
    expect(blocked[0]).toMatchObject({ id: 'compose-stack:photo', state: 'conflict' });
    expect(blocked[0]?.reasons[0]?.note).toBe(
      'image app:2 of server is not on this host, and its pull_policy is never',
    );
  });

  it('says nothing about what is built here', () => {
    expect(stepsOf({ wanted: { build: true, image: 'own:1' } })).toEqual([]);
  });
});

it('what is deployed is recorded with its digest', () => {
  const { data, inSync } = planned({ wanted: { configHash: 'hash-server' }, applied: null });
  expect(inSync).toEqual(['compose-stack:photo']);
  expect(data).toMatchObject({
    containers: { server: { image: { id: 'sha256:old', digest: 'sha256:d1' } } },
  });
});
