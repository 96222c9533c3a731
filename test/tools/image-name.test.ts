import { expect, it } from 'vitest';
import { familiarName, registryOf, withDigest } from '../../tools/image-name.ts';

it.each([
  ['postgres', 'postgres:latest', 'docker.io'],
  ['postgres:16', 'postgres:16', 'docker.io'],
  ['library/postgres:16', 'postgres:16', 'docker.io'],
  ['docker.io/library/postgres:16', 'postgres:16', 'docker.io'],
  ['index.docker.io/me/app', 'me/app:latest', 'docker.io'],
  ['me/app:1', 'me/app:1', 'docker.io'],
  ['ghcr.io/immich-app/server:v2', 'ghcr.io/immich-app/server:v2', 'ghcr.io'],
  ['registry.lan:5000/app', 'registry.lan:5000/app:latest', 'registry.lan:5000'],
  ['localhost/app:1', 'localhost/app:1', 'localhost'],
  ['postgres:16@sha256:aa', 'postgres@sha256:aa', 'docker.io'],
  ['registry.lan:5000/app@sha256:aa', 'registry.lan:5000/app@sha256:aa', 'registry.lan:5000'],
])('%s is listed as %s, and comes from %s', (reference, familiar, registry) => {
  expect([familiarName(reference), registryOf(reference)]).toEqual([familiar, registry]);
});

it.each([
  ['postgres:16', 'postgres@sha256:bb'],
  ['registry.lan:5000/app', 'registry.lan:5000/app@sha256:bb'],
  ['postgres:16@sha256:aa', 'postgres@sha256:bb'],
])('%s by its digest is %s', (reference, name) => {
  expect(withDigest(reference, 'sha256:bb')).toBe(name);
});
