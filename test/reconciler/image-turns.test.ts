import { describe, expect, it } from 'vitest';
import type { DesiredContainer } from '../../desired-state/types.ts';
import type { ObservedImage } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import * as build from '../support/build.ts';

/** Two stacks that use one name, and change in one plan. */
const old: ObservedImage = { id: 'sha256:old', tags: [], digests: ['app@sha256:d1'] };
const newer: ObservedImage = { id: 'sha256:new', tags: ['app:1'], digests: ['app@sha256:d2'] };
const other: ObservedImage = { id: 'sha256:other', tags: [], digests: [] };

/** `runs`: the image that its container was made from; null where there is none. */
function planned(
  stacks: Record<string, { runs: string | null } & Partial<DesiredContainer>>,
  images: ObservedImage[] = [old, newer, other],
) {
  const found = Object.entries(stacks).flatMap(([project, { runs: imageId }]) =>
    imageId === null
      ? []
      : [build.seenContainer('server', { project, name: project, id: project, image: 'app:1', imageId })],
  );
  const desired = Object.entries(stacks).map(([name, { runs: _, ...over }]) => {
    const own = {
      image: 'app:1',
      containerName: name,
      fields: { image: 'app:1' },
      configHash: 'hash-server',
    };
    // What has changed is a field beside: the image that runs is the one that Git still names.
    const server = build.container('server', { ...own, replicas: 2, ...over });
    return build.stack(name, { containers: [server] });
  });
  const { plan } = makePlan(build.planInput(desired, build.observed({ containers: found, images })));
  return Object.fromEntries(
    plan.changes.map(({ name, steps, imageTurn, reasons }) => [
      name,
      { steps: steps.filter(({ op }) => op.startsWith('image-')), imageTurn, reasons },
    ]),
  );
}

const tag = (id: string) => ({ op: 'image-tag', id, image: 'app:1' });
const pull = { op: 'image-pull', image: 'app:1', tag: null, login: null };

describe('stacks that change in one plan', () => {
  it('and keep different images under one name give it to their own each, and take turns', () => {
    const { blog, wiki } = planned({ blog: { runs: old.id }, wiki: { runs: newer.id } });
    expect(blog).toMatchObject({ steps: [tag(old.id)], imageTurn: true });
    expect(wiki).toMatchObject({ steps: [tag(newer.id)], imageTurn: true });
    expect(wiki?.reasons).toContainEqual({
      ...{ field: 'image', from: null, to: 'app:1', container: 'server' },
      note: 'another stack brings another image under this name; this one keeps its own',
    });
  });

  it('where one fetches anew what its name stands for, the other keeps what it has', () => {
    const { blog, wiki } = planned({
      blog: { runs: newer.id, pull: 'always', configHash: 'next' },
      wiki: { runs: newer.id },
    });
    expect(blog).toMatchObject({ steps: [pull], imageTurn: true });
    expect(wiki).toMatchObject({ steps: [tag(newer.id)], imageTurn: true });
  });

  it('a new one takes what the name stood for when it was planned', () => {
    const { blog, wiki } = planned({ blog: { runs: old.id }, wiki: { runs: null } });
    expect(blog?.steps).toEqual([tag(old.id)]);
    expect(wiki).toMatchObject({ steps: [tag(newer.id)], imageTurn: true });
  });
});

describe('no turns are taken', () => {
  it('where nobody gives the name to anything', () => {
    const { blog, wiki } = planned({ blog: { runs: newer.id }, wiki: { runs: newer.id } });
    for (const each of [blog, wiki]) expect(each).toMatchObject({ steps: [], imageTurn: undefined });
  });

  it('where all want the same: forty new services on one missing image are deployed side by side', () => {
    const { blog, wiki } = planned({ blog: { runs: null }, wiki: { runs: null } }, [other]);
    for (const each of [blog, wiki]) expect(each).toMatchObject({ steps: [pull], imageTurn: undefined });
    const same = planned({ blog: { runs: old.id }, wiki: { runs: old.id } });
    for (const each of Object.values(same))
      expect(each).toMatchObject({ steps: [tag(old.id)], imageTurn: undefined });
  });

  it('where the names are different ones', () => {
    const image = 'app:2';
    const { wiki } = planned({ blog: { runs: old.id }, wiki: { runs: null, image, fields: { image } } });
    expect(wiki).toMatchObject({ steps: [{ ...pull, image }], imageTurn: undefined });
  });
});
